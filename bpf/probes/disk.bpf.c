// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long requests to disks take: in the queue, and in the device; how large they are, and which fail. Disks without
// requests (dm, md, zram: they pass bios on, or are memory) appear as the disks below them.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct request_state {
	u64 allocated_ns; /* request.start_time_ns: tells one use of the structure from the next */
	u64 issued_ns;    /* 0: not yet */
	u64 owner;        /* 0: done */
	u64 bytes;
};

/* By address. The structures are the queues' own and used again and again, so their state is kept: to make and to drop it
 * costs more than all the rest. From KEPT_STATES on it is dropped, so that those of disks that are gone leave room. */
#define KEPT_STATES 8192
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * KEPT_STATES);
	__type(key, u64);
	__type(value, struct request_state);
} request_states SEC(".maps");

__u64 states;

static __always_inline struct request_state *request_state__make(struct request *request)
{
	static const struct request_state empty;
	u64 key = (u64)request;
	struct request_state *state = bpf_map_lookup_elem(&request_states, &key);

	if (state)
		return state;
	if (bpf_map_update_elem(&request_states, &key, &empty, BPF_NOEXIST))
		signal_book__add(SIGNAL_BOOK_UNTRACKED);
	else
		__sync_fetch_and_add(&states, 1);
	return bpf_map_lookup_elem(&request_states, &key);
}

static __always_inline void request_state__drop(u64 key)
{
	if (!bpf_map_delete_elem(&request_states, &key))
		__sync_fetch_and_sub(&states, 1);
}

/* enum disk_direction, 0: a command that is no I/O of a disk (ioctls of SCSI, zones). */
static __always_inline u16 direction__of(u32 flags)
{
	switch (flags & REQ_OP_MASK) {
	case REQ_OP_READ:
		return DISK_READ;
	case REQ_OP_WRITE:
	case REQ_OP_ZONE_APPEND:
	case REQ_OP_WRITE_ZEROES:
		return DISK_WRITE;
	case REQ_OP_FLUSH:
		return DISK_FLUSH;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return DISK_DISCARD;
	default:
		return 0;
	}
}

static __always_inline struct cgroup *cgroup__of_io(struct task_struct *task)
{
	struct cgroup_subsys_state *state = NULL;
	struct css_set *cgroups = task->cgroups;
	u64 index = bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id);

	bpf_core_read(&state, sizeof(state), (void *)cgroups + bpf_core_field_offset(cgroups->subsys) + index * sizeof(state));
	return BPF_CORE_READ(state, cgroup);
}

/* The submitting thread knows better than the cgroup that is charged, which is that of an ancestor where I/O is not
 * accounted any deeper; unless it submits for somebody else: written-back pages are charged to who made them dirty. */
static __always_inline u64 owner__of_request(struct request *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *charged;
	struct blkcg_gq *group;
	struct bio *bio;

	if (!bpf_core_field_exists(struct bio, bi_blkg) || !bpf_core_enum_value_exists(enum cgroup_subsys_id, io_cgrp_id))
		goto submitter;
	bio = request->bio;
	group = bio ? bio->bi_blkg : NULL;
	charged = group ? group->blkcg->css.cgroup : NULL;
	/* Of cgroup v2, and not the root, which is charged where nobody is. */
	if (!charged || !charged->level || charged->root->hierarchy_id)
		goto submitter;
	if (charged != cgroup__of_io(task))
		return charged->kn->id;
submitter:
	return owner__find(task);
}

static __always_inline void request_state__begin(struct request_state *state, struct request *request)
{
	state->allocated_ns = request->start_time_ns;
	state->issued_ns = 0;
	state->owner = owner__of_request(request);
}

/* In the thread that submits: later any thread may hand the queue to the device. */
SEC("tp_btf/block_rq_insert")
int BPF_PROG(tp_btf__block_rq_insert, struct request *request)
{
	struct request_state *state;

	if (!direction__of(request->cmd_flags))
		return 0;
	state = request_state__make(request);
	if (!state)
		return 0;
	request_state__begin(state, request);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(tp_btf__block_rq_issue, struct request *request)
{
	struct request_state *state;

	if (!direction__of(request->cmd_flags))
		return 0;
	state = request_state__make(request);
	if (!state)
		return 0;
	if (!state->owner || state->allocated_ns != request->start_time_ns)
		request_state__begin(state, request);
	/* One that the device gave back: a part may be done. */
	if (!state->issued_ns)
		state->bytes = request->__data_len;
	state->issued_ns = bpf_ktime_get_ns();
	return 0;
}

/* The one that another has swallowed. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(tp_btf__block_rq_merge, struct request *request)
{
	request_state__drop((u64)request);
	return 0;
}

/* blk_errors of block/blk-core.c; above that kernels differ. */
static const u8 errors[] = { 0, 95, 110, 28, 67, 121, 52, 61, 84, 12, 5, 78, 11, 16 };

/* 0: unknown which. Once it was an error number, and is the block layer's own status since. */
static __always_inline u16 errno__of(s32 error)
{
	u32 status = (u32)error;

	if (error < 0)
		return error > -256 ? -error : 0;
	/* So that what is compared is what is added to the table's address. */
	barrier_var(status);
	return status < sizeof(errors) ? errors[status] : 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(tp_btf__block_rq_complete, struct request *request, s32 error, u32 bytes)
{
	struct signal_key key = { .label = direction__of(request->cmd_flags) };
	u64 now_ns = bpf_ktime_get_ns(), address = (u64)request;
	struct request_state state, *known;
	struct gendisk *disk;

	/* The first part of it: the rest is to follow. */
	if (!key.label || bytes < request->__data_len)
		return 0;
	known = bpf_map_lookup_elem(&request_states, &address);
	if (!known)
		return 0;
	state = *known;
	known->owner = 0;
	if (states > KEPT_STATES)
		request_state__drop(address);
	disk = request->q->disk;
	/* Not issued: an empty write that asks for a flush, which is a request of its own, or the end of one that has
	 * ended for the device already. */
	if (!state.owner || !state.issued_ns || !disk)
		return 0;
	key.owner = state.owner;
	key.detail = (u32)disk->major << DEVICE_MINOR_BITS | (u32)disk->first_minor;
	key.signal = SIGNAL_DISK_IO;
	signal__observe(&key, now_ns - state.issued_ns);
	/* 0: the disk keeps no times (iostats). */
	if (state.allocated_ns) {
		key.signal = SIGNAL_DISK_QUEUE;
		signal__observe(&key, state.issued_ns > state.allocated_ns ? state.issued_ns - state.allocated_ns : 0);
	}
	if (key.label != DISK_FLUSH) {
		key.signal = SIGNAL_DISK_SIZE;
		signal__observe_size(&key, state.bytes);
	}
	if (error) {
		key.signal = SIGNAL_DISK_ERRORS;
		key.label |= errno__of(error) << DISK_ERROR_SHIFT;
		signal__count(&key, 1);
	}
	return 0;
}
