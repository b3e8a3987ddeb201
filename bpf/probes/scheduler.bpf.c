// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long threads sleep, and why; how long they wait for a CPU then. No system call is hooked: at sched_switch the
// registers of the leaving thread still tell which one it sleeps in. No wake-up is hooked either: the kernel itself sums up
// how long a thread has waited for a CPU (struct sched_info, kernel/sched/stats.h; the second figure of /proc/PID/schedstat),
// and what is left of its time off the CPU is sleep.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/blocked_cause.bpf.h"
#include "lib/signals.bpf.h"
#include "lib/switches.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The clock that sched_info is in: that of this CPU's run queue, which __schedule() has just read. Found through the thread,
 * since not every kernel tells the address of `runqueues`; with CONFIG_FAIR_GROUP_SCHED threads of all classes have it. */
static __always_inline u64 run_queue__now_ns(const struct task_struct *task)
{
	return task->se.cfs_rq->rq->clock;
}

static __always_inline u64 task_state__waited(const struct task_state *state, u64 at_ns, u64 run_delay_ns)
{
	u64 off_ns = at_ns - state->since_ns;
	u64 waited_ns = run_delay_ns - state->run_delay_ns;

	/* Of one that is preempted on its way to sleep the kernel counts nothing. */
	return state->preempted || waited_ns > off_ns ? off_ns : waited_ns;
}

/* It has got a CPU, at `at_ns`; `run_delay_ns`: all its waits until then. */
static __always_inline void task__arrived(struct task_struct *task, struct task_state *state, u64 at_ns,
					  u64 run_delay_ns)
{
	struct signal_key key = { .owner = owner__of(task, state) };
	u64 waited_ns;

	if ((s64)(at_ns - state->since_ns) < 0)
		at_ns = state->since_ns; /* clocks of two CPUs */
	waited_ns = task_state__waited(state, at_ns, run_delay_ns);
	if (state->cause) {
		key.signal = SIGNAL_BLOCKED;
		key.label = state->cause;
		key.detail = state->system_call;
		signal__observe_times(&key, at_ns - state->since_ns - waited_ns, state->weight);
	}
	key.signal = SIGNAL_RUNQUEUE;
	key.label = state->preempted ? RUNQUEUE_PREEMPTED : RUNQUEUE_WAKEUP;
	key.detail = 0;
	signal__observe_times(&key, waited_ns, state->weight);
}

/* Threads of some hypervisors' own agents hide switches from programs, as from ftrace; but the kernel counted what it did. */
static __always_inline void task__arrived_unseen(struct task_struct *task, struct task_state *state)
{
	u32 arrivals = (u32)task->sched_info.pcount - state->arrivals;

	if (state->weight && arrivals == 1)
		task__arrived(task, state, task->sched_info.last_arrival, task->sched_info.run_delay);
	else if (state->followed && arrivals > 1)
		signal_book__add_times(SIGNAL_BOOK_UNSEEN_SWITCH, arrivals - 1);
}

static __always_inline void task__leaves(struct task_struct *task, bool preempt)
{
	bool target = targets__contains(task->tgid);
	u16 weight = target ? 1 : switch__weight();
	u32 sleep_state;
	struct task_state *state;
	struct system_call call;

	if (!weight)
		return;
	sleep_state = task->__state;
	if (sleep_state & TASK_DEAD)
		return;
	state = task_state__find(task);
	if (!state) {
		signal_book__add(SIGNAL_BOOK_UNKNOWN_THREAD);
		return;
	}
	task__arrived_unseen(task, state);
	off_cpu__add(task->pid);
	state->since_ns = run_queue__now_ns(task);
	state->run_delay_ns = task->sched_info.run_delay;
	state->arrivals = (u32)task->sched_info.pcount;
	state->weight = weight;
	state->followed = target;
	state->preempted = preempt || !sleep_state;
	state->cause = 0;
	if (!target || state->preempted)
		return;
	system_call__read(&call, task, true);
	state->cause = blocked_cause__of(task, sleep_state, &call);
	state->system_call = call.number >= 0 && call.number < CAUSES_OF_CALLS ? call.number + 1 : 0;
}

static __always_inline void task__enters(struct task_struct *task)
{
	u64 arrivals = task->sched_info.pcount;
	u64 run_delay_ns, now_ns;
	struct task_state *state;

	/* A new thread has waited, too. */
	if (!off_cpu__contains(task->pid) && arrivals)
		return;
	off_cpu__remove(task->pid);
	state = task_state__find(task);
	if (!state) {
		signal_book__add(SIGNAL_BOOK_UNKNOWN_THREAD);
		return;
	}
	now_ns = run_queue__now_ns(task);
	run_delay_ns = task->sched_info.run_delay;
	if (task->sched_info.last_queued)
		run_delay_ns += now_ns - task->sched_info.last_queued;
	if (!arrivals) {
		state->since_ns = now_ns - run_delay_ns;
		state->weight = 1;
	}
	if (state->weight && state->arrivals == (u32)arrivals)
		task__arrived(task, state, now_ns, run_delay_ns);
	state->weight = 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(tp_btf__sched_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	/* Process 0 is each CPU's idle loop. */
	if (previous->pid)
		task__leaves(previous, preempt);
	if (next->pid)
		task__enters(next);
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(tp_btf__sched_migrate_task, struct task_struct *task, int cpu)
{
	struct signal_key key = { .owner = owner__find(task), .signal = SIGNAL_MIGRATIONS };

	signal__count(&key, 1);
	return 0;
}
