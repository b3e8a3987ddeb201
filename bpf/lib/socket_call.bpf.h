/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one body behind all hooks that see a socket call return: its bytes become one record. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/rings.bpf.h"
#include "lib/socket_life.bpf.h"
#include "lib/socket_state.bpf.h"
#include "lib/system_call.bpf.h"
#include "lib/targets.bpf.h"

/* The fields of a socket that a call needs, read by whatever kind of pointer the variant has. */
struct socket_view {
	u16 type;
	u8 shutdown;
	bool kernel_internal;
	bool tcp;
	bool layered; /* an upper layer (TLS) owns the TCP stream: sequence numbers count its bytes */
	u32 write_seq;
	u32 copied_seq;
	u32 srtt_us;
	u32 retransmits;
};

struct socket_call {
	struct sock *sk;
	struct task_struct *task;
	struct socket_view view;
	struct system_call system_call;
	u32 pid;
	u32 tid;
	u32 length;
	bool send;
	bool length_only;
};

static __always_inline void record__fill(struct socket_data_record *record, const struct socket_call *call,
					 const struct socket_state *state, u64 position, u32 length, u32 flags)
{
	record->connection = state->connection;
	record->position = position;
	record->pid = call->pid;
	record->tid = call->tid;
	record->length = length;
	record->payload_size = 0;
	record->flags = flags | (call->send ? SOCKET_DATA_SEND : 0);
	record->srtt_us = call->view.srtt_us;
	record->retransmits = call->view.retransmits;
	record->reserved = 0;
}

/* Bytes that no hook showed: spliced out of the socket, or moved by a call that this kernel does not trace. */
static __always_inline void socket_call__emit_unseen(const struct socket_call *call, const struct socket_state *state,
						     u64 from, u64 length)
{
	struct socket_data_record *record = data__reserve(0);

	if (!record)
		return;
	counter__increment(SOCKET_COUNTER_LENGTH_ONLY);
	record__fill(record, call, state, from, (u32)length, SOCKET_DATA_LENGTH_ONLY);
	data__submit(record, 0);
}

/* How much of this call to copy. */
static __always_inline u32 socket_state__budget(struct socket_state *state, const struct socket_call *call)
{
	u32 budget;

	if (state->direction != call->send) {
		state->direction = call->send;
		state->flight_bytes = 0;
	}
	budget = state->flight_bytes < SOCKET_LONG_FLIGHT_BYTES ? SOCKET_CAPTURE_BYTES :
								   SOCKET_CAPTURE_LONG_FLIGHT_BYTES;
	state->flight_bytes += call->length;
	return budget < call->length ? budget : call->length;
}

/* sendmmsg and recvmmsg come once per message and do not say which. The array is followed from call to call: same
 * thread, same array, and the kernel has just written the previous message's length into it. */
static __always_inline bool user_buffer__of_many(struct user_buffer *buffer, struct socket_state *state,
						 const struct socket_call *call)
{
	const struct system_call *system_call = &call->system_call;
	u32 index = 0;

	if (system_call->number != (call->send ? NR_SENDMMSG : NR_RECVMMSG))
		return false;
	if (state->many_tid == call->tid && state->many_vector == system_call->second &&
	    state->many_index < system_call->third)
		index = state->many_index;
	state->many_tid = call->tid;
	state->many_vector = system_call->second;
	state->many_index = index + 1;
	return user_buffer__of_header(buffer, (u64)((struct mmsghdr *)system_call->second + index));
}

static __always_inline void socket_call__emit(struct socket_call *call, struct socket_state *state, u64 position)
{
	struct user_buffer buffer;
	struct socket_data_record *record;
	u32 budget = socket_state__budget(state, call);
	u32 room = 0;
	u32 copied = 0;
	bool seen = false;

	if (!call->length_only)
		seen = user_buffer__of_call(&buffer, &call->system_call, call->send) ||
		       user_buffer__of_many(&buffer, state, call);
	if (seen)
		room = payload_room__for(budget);
	record = data__reserve(seen && buffer.vectors ? user_buffer__gather_room(room) : room);
	if (!record)
		return;
	record__fill(record, call, state, position, call->length, seen ? 0 : SOCKET_DATA_LENGTH_ONLY);
	if (!seen) {
		counter__increment(SOCKET_COUNTER_LENGTH_ONLY);
	} else {
		copied = user_buffer__copy(record, room, &buffer, budget);
		if (!copied) {
			counter__increment(SOCKET_COUNTER_COPY_FAILED);
			data__discard(record);
			return;
		}
	}
	data__submit(record, copied);
}

static __always_inline void socket_call__end_of_stream(const struct socket_call *call, struct socket_state *state)
{
	struct socket_data_record *record;

	if (state->flags & STATE_END_OF_STREAM)
		return;
	state->flags |= STATE_END_OF_STREAM;
	record = data__reserve(0);
	if (!record)
		return;
	record__fill(record, call, state, state->next[RECEIVE], 0, SOCKET_DATA_END_OF_STREAM);
	data__submit(record, 0);
}

/* A call that read the last bytes takes the FIN with them, which counts as one (net/ipv4/tcp.c,
 * tcp_recvmsg_locked, found_fin_ok). Without a FIN the stream can be shut down too: shutdown(2), reset. */
static __always_inline u32 copied_seq__without_fin(u32 copied_seq, u32 rcv_nxt, u8 state)
{
	bool fin = state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING || state == TCP_TIME_WAIT;

	return fin && copied_seq == rcv_nxt ? copied_seq - 1 : copied_seq;
}

/* Where the first byte of this call is in its stream, as 32 bits of sequence number. */
static __always_inline u32 socket_call__sequence(const struct socket_call *call)
{
	return (call->send ? call->view.write_seq : call->view.copied_seq) - call->length;
}

/* The first call that we see of a connection. Bytes before it: what was ever queued for sending or read. */
static __always_inline bool socket__carried_bytes(struct sock *sk, const struct socket_call *call)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	s64 read = (s64)BPF_CORE_READ(tcp, bytes_received) -
		   (s32)(BPF_CORE_READ(tcp, rcv_nxt) - call->view.copied_seq) - (call->send ? 0 : call->length);
	s64 queued = (s64)BPF_CORE_READ(tcp, bytes_acked) +
		     (s32)(call->view.write_seq - BPF_CORE_READ(tcp, snd_una)) - (call->send ? call->length : 0);

	/* bytes_acked counts the SYN of a client (net/ipv4/tcp_input.c, tcp_snd_una_update). */
	return read > 0 || queued > 1;
}

static __always_inline struct socket_state *socket_call__first(struct sock *sk, const struct socket_call *call)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct socket_state *state;

	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return NULL;
	state = socket_state__create(sk);
	if (!state) {
		counter__increment(SOCKET_COUNTER_WANTED);
		counter__increment(SOCKET_COUNTER_STORAGE_FAILED);
		return NULL;
	}
	socket_state__begin(state, sk);
	if (call->view.tcp && !call->view.layered) {
		/* High half 1: a position may then fall behind the first one without a wrap. */
		state->next[SEND] = (1ULL << 32) + call->view.write_seq - (call->send ? call->length : 0);
		state->next[RECEIVE] = (1ULL << 32) + call->view.copied_seq - (call->send ? 0 : call->length);
		state->flags |= socket__carried_bytes(sk, call) ? STATE_MID_LIFE : STATE_SERVER;
	} else if (state->start_boottime_ns < loaded_boottime_ns) {
		/* No history to look at; a process younger than the probe has no older connection, unless it
		 * inherited one. */
		state->flags |= STATE_MID_LIFE;
	}
	return state;
}

static __always_inline void socket_call__bytes(struct socket_call *call, struct socket_state *state)
{
	u64 expected = state->next[call->send];
	u64 position = expected;

	if (call->view.tcp && !call->view.layered) {
		s32 ahead = (s32)(socket_call__sequence(call) - (u32)expected);

		position += ahead;
		if (ahead > 0)
			socket_call__emit_unseen(call, state, expected, ahead);
	}
	/* Also when the record is lost: the reader sees the loss as a jump of the position. */
	state->next[call->send] = position + call->length;
	socket_call__emit(call, state, position);
}

/* A call of a target on a stream socket has returned `result`. */
static __always_inline void socket_call__returned(struct socket_call *call, struct socket_state *state, int result,
						  int flags)
{
	if (flags & MSG_TRUNC) /* TCP: read and thrown away */
		call->length_only = true;
	if (!(state->flags & STATE_ANNOUNCED))
		socket_opened__emit(call->sk, state);
	if (result > 0)
		socket_call__bytes(call, state);
	else if (!call->send && call->view.shutdown & RCV_SHUTDOWN)
		socket_call__end_of_stream(call, state);
}
