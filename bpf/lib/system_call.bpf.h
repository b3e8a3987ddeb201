/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system call that the current task is in, and where in its memory the bytes of a message are. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "records/socket.h"

#if defined(__TARGET_ARCH_x86) /* arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDFILE = 40,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_SPLICE = 275,
	NR_RECVMMSG = 299,
	NR_SENDMMSG = 307,
	NR_PREADV2 = 327,
	NR_PWRITEV2 = 328,
};
#elif defined(__TARGET_ARCH_arm64) /* include/uapi/asm-generic/unistd.h */
enum {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SENDFILE = 71,
	NR_SPLICE = 76,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212,
	NR_RECVMMSG = 243,
	NR_SENDMMSG = 269,
	NR_PREADV2 = 286,
	NR_PWRITEV2 = 287,
};
#else
#error "no table of system calls for this architecture"
#endif

enum { NR_NONE = -1 };

struct system_call {
	long number; /* NR_NONE: the registers do not tell */
	u64 first;
	u64 second;
	u64 third;
	u64 fourth;
};

/* `inside`: the call has not returned yet. io_uring's task work runs at the end of any system call, with that
 * call's registers; on x86 it is told apart by the result, which entry code presets to -ENOSYS
 * (PUSH_AND_CLEAR_REGS in arch/x86/entry/entry_64.S). */
static __always_inline void system_call__read(struct system_call *call, struct task_struct *task, bool inside)
{
	struct pt_regs *regs;

	call->number = NR_NONE;
	if (task->flags & (PF_KTHREAD | PF_IO_WORKER))
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	if (inside && (long)regs->ax != -ENOSYS)
		return;
	/* TS_COMPAT, arch/x86/include/asm/thread_info.h: 32-bit numbers and layouts. */
	if (task->thread_info.status & 2)
		return;
	call->number = (long)regs->orig_ax;
	call->first = regs->di;
	call->second = regs->si;
	call->third = regs->dx;
	call->fourth = regs->r10;
#elif defined(__TARGET_ARCH_arm64)
	call->number = regs->syscallno;
	call->first = regs->orig_x0;
	call->second = regs->regs[1];
	call->third = regs->regs[2];
	call->fourth = regs->regs[3];
#endif
}

static __always_inline bool system_call__is_many(const struct system_call *call)
{
	return call->number == NR_SENDMMSG || call->number == NR_RECVMMSG;
}

/* Bytes in the memory of the task: flat, or by an array of struct iovec. */
struct user_buffer {
	u64 base;
	u64 vectors; /* 0: flat */
};

static __always_inline bool user_buffer__of_header(struct user_buffer *buffer, u64 header)
{
	struct user_msghdr head;

	if (bpf_probe_read_user(&head, sizeof(head), (void *)header))
		return false;
	buffer->base = head.msg_iov;
	buffer->vectors = head.msg_iovlen;
	return head.msg_iovlen != 0;
}

/* False: this call carries no such buffer (sendfile, splice, io_uring, or one we do not know). */
static __always_inline bool user_buffer__of_call(struct user_buffer *buffer, const struct system_call *call,
						 bool send)
{
	long number = call->number;

	buffer->base = call->second;
	buffer->vectors = 0;
	if (send ? number == NR_WRITE || number == NR_SENDTO : number == NR_READ || number == NR_RECVFROM)
		return true;
	if (send ? number == NR_WRITEV || number == NR_PWRITEV2 : number == NR_READV || number == NR_PREADV2) {
		buffer->vectors = call->third;
		return call->third != 0;
	}
	if (number == (send ? NR_SENDMSG : NR_RECVMSG))
		return user_buffer__of_header(buffer, call->second);
	return false;
}

/* More pieces than this are left out of the capture; their length is known all the same. nginx sends a
 * response in 2, Node a chunk in 4. */
enum { USER_BUFFER_MOST_VECTORS = 16 };

/* What the pieces of a buffer need behind `room` bytes: see user_buffer__gather. */
static __always_inline u32 user_buffer__gather_room(u32 room)
{
	return room + room / 4;
}

/* The verifier bounds offset and length of a copy one by one, not their sum. Told how long a piece may be in each
 * quarter of the room, it sees that none goes further than a quarter beyond it. */
static __always_inline u32 user_buffer__most(u32 room, u32 done)
{
	if (done < room / 4)
		return room;
	if (done < room / 2)
		return room - room / 4;
	if (done < room - room / 4)
		return room / 2;
	return room / 4;
}

/* One piece, behind those that are there. False: the capture ends here. */
static __always_inline bool user_buffer__piece(volatile struct socket_data_record *record, u32 room,
					       const struct iovec *vector)
{
	u32 done = record->payload_size;
	u32 length = record->reserved;
	u64 part;

	if (done >= length || done >= room)
		return false;
	part = length - done;
	if (part > vector->iov_len)
		part = vector->iov_len;
	if (part > user_buffer__most(room, done))
		return false;
	if (bpf_probe_read_user((u8 *)(record + 1) + done, part, (void *)vector->iov_base))
		return false;
	record->payload_size = done + part;
	return true;
}

/* What is done and what is wanted is kept in the record, whose contents the verifier does not follow: else it tries
 * every sequence of lengths, which takes it five times as long, and on 6.1 three times when the loop is not unrolled.
 * Two vectors, say a head and a body, per look into the user's memory, since each look costs 200 instructions. */
static __always_inline u32 user_buffer__gather(volatile struct socket_data_record *record, u32 room,
					       const struct user_buffer *buffer, u32 length)
{
	record->payload_size = 0;
	record->reserved = length;
#pragma unroll
	for (u32 i = 0; i < USER_BUFFER_MOST_VECTORS && i < buffer->vectors; i += 2) {
		struct iovec pair[2] = {};
		bool both = i + 1 < buffer->vectors;

		if (bpf_probe_read_user(pair, both ? sizeof(pair) : sizeof(pair[0]),
					(struct iovec *)buffer->base + i))
			break;
		if (!user_buffer__piece(record, room, &pair[0]) || !both ||
		    !user_buffer__piece(record, room, &pair[1]))
			break;
	}
	record->reserved = 0;
	return record->payload_size;
}

/* Behind the record are `room` bytes for a flat buffer, user_buffer__gather_room(room) for one in pieces; `length` is
 * at most `room`. Returns how many bytes were copied, 0 when none could be. */
static __always_inline u32 user_buffer__copy(struct socket_data_record *record, u32 room,
					     const struct user_buffer *buffer, u32 length)
{
	if (length > room)
		length = room; /* never: for the verifier */
	if (buffer->vectors)
		return user_buffer__gather(record, room, buffer, length);
	return bpf_probe_read_user(record + 1, length, (void *)buffer->base) ? 0 : length;
}
