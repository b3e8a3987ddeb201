// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long threads sleep, and why; how long they wait for a CPU then. No system call is hooked: at sched_switch the
// registers of the leaving thread still tell which one it sleeps in.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/blocked_cause.bpf.h"
#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int task__woken(struct task_struct *task, u16 phase)
{
	struct task_state *state = task_state__find(task);

	/* One that runs, or waits for a CPU, was woken before it had gone to sleep. */
	if (!state || (state->phase != TASK_BLOCKED && state->phase != TASK_UNKNOWN))
		return 0;
	state->runnable_ns = bpf_ktime_get_ns();
	state->phase = state->phase == TASK_BLOCKED ? phase : TASK_RUNNABLE;
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(tp_btf__sched_wakeup, struct task_struct *task)
{
	return task__woken(task, TASK_WOKEN);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(tp_btf__sched_wakeup_new, struct task_struct *task)
{
	return task__woken(task, TASK_RUNNABLE);
}

static __always_inline void task__slept(struct task_struct *task, struct task_state *state, u64 owner)
{
	struct signal_key key = { .owner = owner, .signal = SIGNAL_BLOCKED };

	if (!state->cause)
		return;
	key.label = state->cause;
	key.detail = state->system_call;
	signal__observe(&key, state->runnable_ns - state->since_ns);
}

static __always_inline void task__leaves(struct task_struct *task, bool preempt, u64 now_ns)
{
	struct task_state *state = task_state__find(task);
	struct system_call call;
	u32 sleep_state = task->__state;

	if (!state)
		return;
	if (state->phase != TASK_RUNS && state->phase != TASK_UNKNOWN) {
		/* Some hypervisors' own threads hide the switch that follows them. The sleep is known all the same. */
		signal_book__add(SIGNAL_BOOK_UNSEEN_SWITCH);
		if (state->phase == TASK_WOKEN)
			task__slept(task, state, owner__of(task, state));
	}
	state->cpu = (u16)bpf_get_smp_processor_id();
	state->since_ns = now_ns;
	if (preempt || !sleep_state) {
		state->runnable_ns = now_ns;
		state->phase = TASK_PREEMPTED;
		return;
	}
	state->phase = TASK_BLOCKED;
	state->cause = 0;
	if (!targets__contains(task->tgid))
		return;
	system_call__read(&call, task, true);
	state->cause = blocked_cause__of(task, sleep_state, &call);
	state->system_call = call.number >= 0 && call.number < CAUSES_OF_CALLS ? call.number + 1 : 0;
}

static __always_inline void task__enters(struct task_struct *task, u64 now_ns)
{
	struct task_state *state = task_state__find(task);
	struct signal_key key = { .signal = SIGNAL_RUNQUEUE };
	u16 phase;

	if (!state) {
		signal_book__add(SIGNAL_BOOK_UNKNOWN_THREAD);
		return;
	}
	phase = state->phase;
	state->phase = TASK_RUNS;
	if (phase == TASK_BLOCKED)
		signal_book__add(SIGNAL_BOOK_UNSEEN_WAKEUP);
	if (phase == TASK_UNKNOWN || phase == TASK_RUNS || phase == TASK_BLOCKED)
		return;
	key.owner = owner__of(task, state);
	if (phase == TASK_WOKEN)
		task__slept(task, state, key.owner);
	key.label = phase == TASK_PREEMPTED ? RUNQUEUE_PREEMPTED : RUNQUEUE_WAKEUP;
	signal__observe(&key, now_ns - state->runnable_ns);
	if (phase != TASK_RUNNABLE && state->cpu != (u16)bpf_get_smp_processor_id()) {
		key.signal = SIGNAL_MIGRATIONS;
		key.label = 0;
		signal__count(&key, 1);
	}
}

SEC("tp_btf/sched_switch")
int BPF_PROG(tp_btf__sched_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	u64 now_ns = bpf_ktime_get_ns();

	/* Process 0 is each CPU's idle loop. */
	if (previous->pid)
		task__leaves(previous, preempt, now_ns);
	if (next->pid)
		task__enters(next, now_ns);
	return 0;
}
