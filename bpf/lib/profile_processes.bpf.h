/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which space a process is in, through fork, exec and exit; what userspace is told of it. See records/profile.h. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "lib/targets.bpf.h"
#include "lib/unwind_tables.bpf.h"
#include "records/profile.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, struct profile_process);
} profile_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 17);
} profile_notices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(map_flags, 1U << 3); /* BPF_F_RDONLY: descriptors can only read, the worker gets one */
	__uint(max_entries, PROFILE_BOOK_COUNT);
	__type(key, u32);
	__type(value, u64);
} profile_books SEC(".maps");

/* Nobody else keeps the targets' bits: children inherit them here, and the dead lose them. */
const volatile bool profile_keeps_targets;
/* Samples and notices of targets alone; may be changed while it runs. */
bool profile_targets_only;
__u64 profile_last_space;

static __always_inline void profile_book__add_many(u32 book, u64 count)
{
	u64 *value = bpf_map_lookup_elem(&profile_books, &book);

	if (value)
		__sync_fetch_and_add(value, count);
}

static __always_inline void profile_book__add(u32 book)
{
	profile_book__add_many(book, 1);
}

static __always_inline bool profile__wants(u32 pid)
{
	return !*(volatile bool *)&profile_targets_only || targets__contains(pid);
}

static __always_inline u64 space__new(void)
{
	return __sync_fetch_and_add(&profile_last_space, 1) + 1;
}

static __always_inline void process__put(struct task_struct *leader, const struct profile_process *process, u64 flags)
{
	u32 pid = leader->tgid;

	if (bpf_map_update_elem(&profile_processes, &pid, process, flags) && flags == BPF_ANY)
		profile_book__add(PROFILE_BOOK_PROCESSES_LOST);
}

/* Next to what happened, a wake-up is cheap: notices are few. */
static __always_inline void notice__send(struct task_struct *task, u64 space, u64 address, u32 executable, u32 reason)
{
	struct profile_notice_record *record = bpf_ringbuf_reserve(&profile_notices, sizeof(*record), 0);

	profile_book__add(PROFILE_BOOK_NOTICES);
	if (!record) {
		profile_book__add(PROFILE_BOOK_NOTICES_LOST);
		return;
	}
	record->header.time_ns = bpf_ktime_get_ns();
	record->header.type = RECORD_PROFILE_NOTICE;
	record->header.cpu = (u16)bpf_get_smp_processor_id();
	record->header.size = sizeof(*record);
	record->process.start_boottime_ns = task->group_leader->start_boottime;
	record->process.pid = task->tgid;
	record->process.tid = task->pid;
	record->space = space;
	record->address = address;
	record->executable = executable;
	record->reason = reason;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

enum {
	NOTICE_FIRST_BACK_OFF_MS = 100,
	NOTICE_LAST_BACK_OFF_MS = 25600,
};

/* The first at once, and the first after the last was answered (`first_mapping` is another one then); else ever more
 * seldom, until it was quiet for four times as long. Two CPUs may both send: harmless. */
static __always_inline void notice__of_sample(struct task_struct *task, struct profile_process *process,
					      u32 first_mapping, u64 address, u32 executable, u32 reason)
{
	u64 now_ns = bpf_ktime_get_ns();
	u64 since_ns = now_ns - process->noticed_ns;
	u64 back_off_ns = process->back_off_ms * 1000000ULL;

	if (since_ns < back_off_ns && process->noticed_first == first_mapping)
		return;
	if (process->noticed_first != first_mapping)
		process->raw_sent = 0;
	process->noticed_first = first_mapping;
	if (!process->back_off_ms || since_ns > 4 * back_off_ns)
		process->back_off_ms = NOTICE_FIRST_BACK_OFF_MS;
	else if (process->back_off_ms < NOTICE_LAST_BACK_OFF_MS)
		process->back_off_ms *= 2;
	process->noticed_ns = now_ns;
	notice__send(task, process->space, address, executable, reason);
}

/* Before the child runs, and before it has a chance to be sampled. */
static __always_inline int process__forked(struct task_struct *parent, struct task_struct *child)
{
	struct profile_process process = {};
	struct profile_process *old;
	u32 pid = parent->tgid;

	if (child->pid != child->tgid)
		return 0;
	if (profile_keeps_targets && targets__contains(pid))
		targets__add(child->tgid);
	process.start_boottime_ns = child->start_boottime;
	process.space = space__new();
	old = bpf_map_lookup_elem(&profile_processes, &pid);
	if (old)
		process.inherited = old->inherited && !bpf_map_lookup_elem(&unwind_spaces, &old->space) ?
					    old->inherited :
					    old->space;
	process__put(child, &process, BPF_ANY);
	return 0;
}

static __always_inline int process__executed(struct task_struct *task)
{
	struct profile_process process = {};

	process.start_boottime_ns = task->group_leader->start_boottime;
	process.space = space__new();
	process__put(task, &process, BPF_ANY);
	if (profile__wants(task->tgid))
		notice__send(task, process.space, 0, 0, PROFILE_NOTICE_EXEC);
	return 0;
}

static __always_inline int process__exited(struct task_struct *task)
{
	u32 pid = task->tgid;

	/* do_exit() has counted this thread out already: 0 is the last one. */
	if (task->signal->live.counter != 0)
		return 0;
	bpf_map_delete_elem(&profile_processes, &pid);
	if (profile_keeps_targets)
		targets__remove(pid);
	return 0;
}

/* Of one that was there before us: whoever was quicker, the hooks or this, is right. */
static __always_inline int process__found(struct task_struct *task)
{
	struct profile_process process = {};

	if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD))
		return 0;
	process.start_boottime_ns = task->start_boottime;
	process.space = space__new();
	process__put(task, &process, BPF_NOEXIST);
	return 0;
}
