/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of every thread, and whom its time belongs to. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "lib/targets.bpf.h"
#include "records/signal.h"

struct task_state {
	u64 since_ns;     /* off its CPU since; the clock of run queues */
	u64 run_delay_ns; /* what the kernel had counted of its waits by then, */
	u32 arrivals;     /* and how often it had got a CPU */
	u16 weight;       /* this time off the CPU stands for so many; 0: it is not observed */
	bool preempted;   /* it wants its CPU back */
	bool followed;    /* it is a target: each of its switches is looked at */
	u64 fault_ns; /* the last page fault's begin, 0: it is over */
	u64 stall_ns; /* waits for memory to be made free since, 0: does not */
	u64 sync_ns;  /* writes a file to its disk since, or back if it is a kernel thread; 0: does not */
	u64 file_ns;  /* reads, writes or opens a file since, 0: does not */
	/* If it is a target: who executed the program (SIGNAL_OWNER_PROCESS), or the cgroup of its service. 0: the
	 * process itself. */
	u64 owner;
	u16 cause;       /* why it sleeps: enum blocked_cause, 0: not asked for */
	u16 system_call; /* its number + 1 */
};

/* Storage is made where a process is forked and by an iterator at start, never in the scheduler's hooks: those hold a run
 * queue's lock, and an allocation may have to wake somebody. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

static __always_inline struct task_state *task_state__find(struct task_struct *task)
{
	return bpf_task_storage_get(&task_states, task, NULL, 0);
}

/* NULL: no target, which costs the test of a bit, or a thread without state. */
static __always_inline struct task_state *task_state__of_target(struct task_struct *task)
{
	return targets__contains(task->tgid) ? task_state__find(task) : NULL;
}

static __always_inline u64 owner__of_process(struct task_struct *task)
{
	u64 ticks = task->group_leader->start_boottime / 10000000;

	return SIGNAL_OWNER_PROCESS | (ticks << SIGNAL_OWNER_PID_BITS & ~SIGNAL_OWNER_PROCESS) | (u32)task->tgid;
}

static __always_inline u64 owner__of_cgroup(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* `state` may be NULL. */
static __always_inline u64 owner__of_target(struct task_struct *task, const struct task_state *state)
{
	return state && state->owner ? state->owner : owner__of_process(task);
}

static __always_inline u64 owner__of(struct task_struct *task, const struct task_state *state)
{
	if (targets__contains(task->tgid))
		return owner__of_target(task, state);
	return task->flags & PF_KTHREAD ? SIGNAL_OWNER_KERNEL : owner__of_cgroup(task);
}

/* Where the state is not at hand: it is looked up for targets only. */
static __always_inline u64 owner__find(struct task_struct *task)
{
	if (targets__contains(task->tgid))
		return owner__of_target(task, task_state__find(task));
	return task->flags & PF_KTHREAD ? SIGNAL_OWNER_KERNEL : owner__of_cgroup(task);
}
