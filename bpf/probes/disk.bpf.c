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
	u64 owner;
	u64 bytes;
};

/* By address. Their structures are the queues' own, so that one that was forgotten is used again some time; what is in
 * flight on all disks together is more than this only with dozens of NVMe disks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct request_state);
} requests_in_flight SEC(".maps");

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

/* The cgroup v2 that the kernel charges; NULL when it charges none but the root. Written-back pages are charged to who
 * made them dirty, whichever thread submits them. */
static __always_inline struct cgroup *cgroup__charged(struct request *request)
{
	struct cgroup *cgroup;

	if (!bpf_core_field_exists(struct bio, bi_blkg))
		return NULL;
	cgroup = BPF_CORE_READ(request, bio, bi_blkg, blkcg, css.cgroup);
	if (!cgroup || BPF_CORE_READ(cgroup, level) == 0 || BPF_CORE_READ(cgroup, root, hierarchy_id) != 0)
		return NULL;
	return cgroup;
}

static __always_inline struct cgroup *cgroup__of_io(struct task_struct *task)
{
	struct cgroup_subsys_state *state = NULL;
	struct css_set *cgroups = task->cgroups;
	u64 index;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, io_cgrp_id))
		return NULL;
	index = bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id);
	bpf_core_read(&state, sizeof(state), (void *)cgroups + bpf_core_field_offset(cgroups->subsys) + index * sizeof(state));
	return BPF_CORE_READ(state, cgroup);
}

/* The submitting thread knows better than the cgroup that is charged, which is that of an ancestor where I/O is not
 * accounted any deeper; unless it submits for somebody else. */
static __always_inline u64 owner__of_request(struct request *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *charged = cgroup__charged(request);

	if (charged && charged != cgroup__of_io(task))
		return BPF_CORE_READ(charged, kn, id);
	return owner__of(task, task_state__find(task));
}

/* In the thread that submits: later any thread may hand the queue to the device. */
SEC("tp_btf/block_rq_insert")
int BPF_PROG(tp_btf__block_rq_insert, struct request *request)
{
	struct request_state state = { .allocated_ns = request->start_time_ns };
	u64 key = (u64)request;

	if (!direction__of(request->cmd_flags))
		return 0;
	state.owner = owner__of_request(request);
	if (bpf_map_update_elem(&requests_in_flight, &key, &state, BPF_ANY))
		signal_book__add(SIGNAL_BOOK_UNTRACKED);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(tp_btf__block_rq_issue, struct request *request)
{
	struct request_state state = { .allocated_ns = request->start_time_ns, .bytes = request->__data_len };
	u64 key = (u64)request;
	struct request_state *known;

	if (!direction__of(request->cmd_flags))
		return 0;
	state.issued_ns = bpf_ktime_get_ns();
	known = bpf_map_lookup_elem(&requests_in_flight, &key);
	if (known && known->allocated_ns == state.allocated_ns) {
		/* A device that gave it back has done a part, maybe. */
		if (!known->issued_ns)
			known->bytes = state.bytes;
		known->issued_ns = state.issued_ns;
		return 0;
	}
	state.owner = owner__of_request(request);
	if (bpf_map_update_elem(&requests_in_flight, &key, &state, BPF_ANY))
		signal_book__add(SIGNAL_BOOK_UNTRACKED);
	return 0;
}

/* The one that another has swallowed. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(tp_btf__block_rq_merge, struct request *request)
{
	u64 key = (u64)request;

	bpf_map_delete_elem(&requests_in_flight, &key);
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
	known = bpf_map_lookup_elem(&requests_in_flight, &address);
	if (!known)
		return 0;
	state = *known;
	bpf_map_delete_elem(&requests_in_flight, &address);
	disk = request->q->disk;
	/* Never issued: an empty write that asks for a flush, which is a request of its own. */
	if (!state.issued_ns || !disk)
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
