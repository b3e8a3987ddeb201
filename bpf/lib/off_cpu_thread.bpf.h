/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of every thread to tell where it was while it was off CPU, and which of its times get a stack. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "lib/blocked_cause.bpf.h"
#include "lib/profile_sample.bpf.h"

/* Sleeps and waits from here on get a stack, shorter ones are summed. */
const volatile __u64 off_cpu_threshold_ns = 1000000;
/* Stacks of a CPU in a second, about; at most twice as many. */
const volatile __u32 off_cpu_stacks_per_second = 1000;
/* CLOCK_MONOTONIC. Nothing is done before the first is set, nor after the second. */
__u64 off_cpu_begin_ns;
__u64 off_cpu_end_ns;

/* Times from the threshold on, of which not all get a stack. All of them are owed, and the next stack stands for what is owed
 * by then. Which one that is, points in this time decide: one in every stretch of the budget's length, at random. So the
 * chance is proportional to the duration, sums are exact, and nothing that repeats is met in step. */
struct off_cpu_part {
	u64 owed_ns;
	u64 to_point_ns;
	u64 behind_ns; /* from the point to the end of its stretch */
};

enum off_cpu_kind {
	OFF_CPU_SLEEP,
	OFF_CPU_WAIT,
	OFF_CPU_KINDS
};

/* What a thread is at. No wake-up is hooked: when it is back the kernel's own sum of its waits for a CPU tells what of a time
 * was sleep. */
enum off_cpu_phase {
	OFF_CPU_UNKNOWN,   /* was there before us and has not been switched yet */
	OFF_CPU_RUNS,
	OFF_CPU_BLOCKED,   /* went to sleep at since_ns; may have been woken since, and wait for a CPU */
	OFF_CPU_PREEMPTED, /* waits for a CPU since since_ns, because somebody else took it */
	OFF_CPU_NEW,       /* waits for its first one since since_ns */
	OFF_CPU_ENDED,
};

struct off_cpu_thread {
	u64 since_ns;  /* off CPU since */
	u64 waited_ns; /* all its waits for a CPU by then: sched_info.run_delay */
	u64 came_ns;   /* on CPU since; 0: since before the beginning, or nobody saw it */
	u64 ran_ns;    /* its CPU time by the kernel's account when it left last */
	u64 debt_ns;   /* that account's time which was counted as off CPU: to be taken from the next time */
	u64 short_ns;  /* in no record yet */
	/* That of the CPU which it left, for the time since: whoever wakes it and whoever sees it back must decide alike. */
	u64 stretch_ns;
	struct off_cpu_part parts[OFF_CPU_KINDS];
	u32 phase; /* enum off_cpu_phase */
	u32 cause; /* enum blocked_cause: of the last sleep */
	u32 waker; /* who ended it: PROFILE_SAMPLE_WAKER, PROFILE_SAMPLE_INTERRUPT; 0: not known */
};

/* Made where a thread is forked and by an iterator, never in the scheduler's hooks: see tasks.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct off_cpu_thread);
} off_cpu_threads SEC(".maps");

/* Of a CPU. */
struct off_cpu_cpu {
	u64 back_ns;     /* when `back`, the thread that runs, was switched to */
	u64 stretch_ns;  /* one stack in so much time; 0: all */
	u64 asked_ns;    /* times that would get a stack, in this second */
	u32 asked;
	u32 sent;
	u32 second;
	u32 back; /* 0: nobody who is profiled */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct off_cpu_cpu);
} off_cpu_cpus SEC(".maps");

static __always_inline struct off_cpu_cpu *off_cpu_cpu__this(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&off_cpu_cpus, &zero);
}

static __always_inline bool off_cpu__is_on(void)
{
	return *(volatile u64 *)&off_cpu_begin_ns && !*(volatile u64 *)&off_cpu_end_ns;
}

static __always_inline struct off_cpu_thread *off_cpu__find(struct task_struct *task)
{
	return bpf_task_storage_get(&off_cpu_threads, task, NULL, 0);
}

/* The current task, or one that sleeps. */
static __always_inline u32 off_cpu__cause(struct task_struct *task, u32 sleep_state)
{
	struct system_call call;

	if (task->flags & PF_KTHREAD)
		return BPF_CORE_READ_BITFIELD(task, in_iowait) ? BLOCKED_DISK : BLOCKED_OTHER;
	system_call__read(&call, task, true);
	return blocked_cause__of(task, sleep_state, &call);
}

/* A second is 2^30 ns here, which needs no division. */
static __always_inline void off_cpu_cpu__of_second(struct off_cpu_cpu *cpu, u64 now_ns)
{
	u32 second = (u32)(now_ns >> 30);

	if (cpu->second == second)
		return;
	cpu->second = second;
	cpu->stretch_ns = cpu->asked > off_cpu_stacks_per_second ? cpu->asked_ns / off_cpu_stacks_per_second : 0;
	cpu->asked_ns = 0;
	cpu->asked = 0;
	cpu->sent = 0;
}

/* From 0 to below `limit`, in steps of a microsecond. */
static __always_inline u64 random__below(u64 limit_ns)
{
	return (((u64)bpf_get_prandom_u32() * (u32)(limit_ns >> 10)) >> 32) << 10;
}

/* Whether a point lies in the next `ns` of this part's time. */
static __always_inline bool part__has_point(struct off_cpu_part *part, u64 ns, u64 stretch_ns)
{
	u64 next_ns;

	if (!part->to_point_ns && !part->behind_ns) { /* the first one */
		part->to_point_ns = random__below(stretch_ns);
		part->behind_ns = stretch_ns - part->to_point_ns;
	}
	if (ns <= part->to_point_ns) {
		part->to_point_ns -= ns;
		return false;
	}
	ns -= part->to_point_ns;
	next_ns = random__below(stretch_ns);
	if (ns < part->behind_ns + next_ns)
		part->to_point_ns = part->behind_ns + next_ns - ns;
	else
		part->to_point_ns = next_ns; /* some more were met: their stretches are over */
	part->behind_ns = stretch_ns - next_ns;
	return true;
}

/* The same before the time is over, and without a change: yes where it is not certain. */
static __always_inline bool part__may_have_point(const struct off_cpu_thread *thread, u32 kind, u64 ns)
{
	const struct off_cpu_part *part = &thread->parts[kind];

	return !thread->stretch_ns || (!part->to_point_ns && !part->behind_ns) || ns > part->to_point_ns;
}

/* Notes a time off CPU. Whether the stack at hand is to stand for all that is owed by now. */
static __always_inline bool part__wants_stack(struct off_cpu_thread *thread, u32 kind, u64 ns, struct off_cpu_cpu *cpu)
{
	struct off_cpu_part *part = &thread->parts[kind];

	if (ns < off_cpu_threshold_ns) {
		thread->short_ns += ns;
		return false;
	}
	part->owed_ns += ns;
	cpu->asked_ns += ns;
	cpu->asked++;
	if (!cpu->stretch_ns && cpu->sent >= off_cpu_stacks_per_second)
		cpu->stretch_ns = 2 * cpu->asked_ns / off_cpu_stacks_per_second;
	if (cpu->sent < 2 * off_cpu_stacks_per_second &&
	    (!thread->stretch_ns || part__has_point(part, ns, thread->stretch_ns)))
		return true;
	profile_book__add(PROFILE_BOOK_OVER_BUDGET);
	return false;
}

/* Notes a time that is to have no stack of its own. Whether it is worth one. */
static __always_inline bool off_cpu__owe(struct off_cpu_thread *thread, u32 kind, u64 ns)
{
	if (ns < off_cpu_threshold_ns) {
		thread->short_ns += ns;
		return false;
	}
	thread->parts[kind].owed_ns += ns;
	return true;
}

/* Wall time less CPU time is to be what comes out, by the kernel's account: that counts a thread as running from before the
 * switch to it (by 16 us on an idle virtual machine), and what a hypervisor stole as neither. */
static __always_inline void off_cpu__balance(struct off_cpu_thread *thread, u64 stretch_ns, u64 ran_ns)
{
	u64 stolen_ns = stretch_ns - ran_ns;

	if (ran_ns > stretch_ns)
		thread->debt_ns += ran_ns - stretch_ns;
	else
		off_cpu__owe(thread, OFF_CPU_WAIT, stolen_ns);
}

static __always_inline u64 off_cpu__pay(struct off_cpu_thread *thread, u64 ns)
{
	u64 paid_ns = thread->debt_ns < ns ? thread->debt_ns : ns;

	thread->debt_ns -= paid_ns;
	return ns - paid_ns;
}

/* How a time off CPU of `off_ns` divides. The kernel counts a wait from where a thread is put into a run queue (woken, new, or
 * preempted while it is runnable) to where it gets the CPU or is taken to another queue: sched_info_enqueue(), _dequeue(),
 * _arrive() and _depart() of kernel/sched/stats.h, the same from 5.15 to 6.18, where a sleeper that stays in its queue for a
 * while (sched_delayed, from 6.12 on) is not counted until it is woken. Of one that is preempted on its way to sleep it counts
 * nothing. `waited_ns`: its count of this time. */
static __always_inline void off_cpu__divide(u32 phase, u64 off_ns, u64 waited_ns, u64 *sleep_ns, u64 *wait_ns)
{
	*wait_ns = phase != OFF_CPU_BLOCKED || waited_ns > off_ns ? off_ns : waited_ns;
	*sleep_ns = off_ns - *wait_ns;
}

/* Of the current task, off CPU until now. */
static __always_inline void off_cpu__measure(const struct task_struct *task, const struct off_cpu_thread *thread, u64 now_ns,
					     u64 *sleep_ns, u64 *wait_ns)
{
	u64 since_ns = thread->phase == OFF_CPU_UNKNOWN ? off_cpu_begin_ns : thread->since_ns;

	off_cpu__divide(thread->phase, now_ns - since_ns, task->sched_info.run_delay - thread->waited_ns, sleep_ns, wait_ns);
}

/* One record of the stack that is in `state`, for all of `owed_ns`. What finds no room is owed still. */
static __always_inline void off_cpu__send(struct unwind_state *state, u64 *owed_ns, u32 cause)
{
	u64 weight = *owed_ns;

	if (!weight)
		return;
	state->record.cause = (u8)cause;
	state->record.weight = weight;
	*owed_ns = sample__send(state) ? 0 : weight;
}

/* Short times of a thread that lives on are told when they have come to so much. */
#define OFF_CPU_SHORT_TOLD_NS 1000000000ULL

/* Behind sample__begin: times without a stack. */
static __always_inline void off_cpu__send_short(struct unwind_state *state, struct off_cpu_thread *thread)
{
	state->record.outcome = PROFILE_NO_STACK;
	state->record.kernel_frames = 0;
	state->record.user_frames = 0;
	state->record.flags = 0;
	state->record.python_outcome = PYTHON_NOT_WALKED;
	state->record.python_frames = 0;
	state->record.python_version = PYTHON_UNKNOWN;
	state->record.v8_frames = 0;
	state->frames_count = 0;
	thread->short_ns = off_cpu__pay(thread, thread->short_ns);
	off_cpu__send(state, &thread->short_ns, PROFILE_CAUSE_SHORT);
}

/* What is in no record when a thread or the recording ends, without a stack. */
static __always_inline void off_cpu__send_rest(struct unwind_state *state, struct off_cpu_thread *thread)
{
	off_cpu__send_short(state, thread);
	off_cpu__send(state, &thread->parts[OFF_CPU_SLEEP].owed_ns, thread->cause);
	off_cpu__send(state, &thread->parts[OFF_CPU_WAIT].owed_ns, PROFILE_CAUSE_RUNQUEUE);
	profile_book__add_many(PROFILE_BOOK_LOST_NS, thread->short_ns + thread->parts[OFF_CPU_SLEEP].owed_ns +
							     thread->parts[OFF_CPU_WAIT].owed_ns);
	thread->phase = OFF_CPU_ENDED;
}
