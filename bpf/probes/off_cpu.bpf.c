// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where threads are while they are off CPU: how long, why, and with which stack. Beside probes/profile.bpf.c, whose
// tables and rings it uses. No wake-up is hooked for that: how long a thread has waited for a CPU the kernel sums up itself
// (struct sched_info), and the rest of its time off CPU was sleep. The scheduler's own hook only takes times, as it holds a run
// queue's lock; the stack is taken when the thread is back and has not run yet: it is the one that it went away with.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/off_cpu_thread.bpf.h"
#include "lib/off_cpu_cut.bpf.h"
#include "lib/off_cpu_waker.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* It was back on a CPU without our seeing it: some hypervisors' own threads hide the switch that follows them. How long it ran
 * the kernel has counted, and how long it waited; what is left it slept, more than once perhaps. */
static __always_inline void off_cpu__catch_up(struct task_struct *task, struct off_cpu_thread *thread, u64 now_ns, u64 ran_ns)
{
	u64 off_ns = now_ns - thread->since_ns;
	u64 sleep_ns, wait_ns;

	off_ns = off_ns > ran_ns ? off_ns - ran_ns : 0;
	off_cpu__divide(thread->phase, off_ns, task->sched_info.run_delay - thread->waited_ns, &sleep_ns, &wait_ns);
	off_cpu__owe(thread, OFF_CPU_SLEEP, sleep_ns);
	off_cpu__owe(thread, OFF_CPU_WAIT, wait_ns);
	thread->came_ns = 0;
	profile_book__add(PROFILE_BOOK_UNSEEN_SWITCH);
}

static __always_inline void off_cpu__leaves(struct task_struct *task, struct off_cpu_cpu *cpu, bool preempt, u64 now_ns)
{
	struct off_cpu_thread *thread = off_cpu__find(task);
	u32 sleep_state = task->__state;
	u64 ran_ns = task->se.sum_exec_runtime;

	if (!thread) {
		profile_book__add(PROFILE_BOOK_THREAD_UNKNOWN);
		return;
	}
	if (thread->phase == OFF_CPU_ENDED)
		return;
	if (thread->phase != OFF_CPU_RUNS && thread->phase != OFF_CPU_UNKNOWN)
		off_cpu__catch_up(task, thread, now_ns, ran_ns - thread->ran_ns);
	else if (thread->came_ns)
		off_cpu__balance(thread, now_ns - thread->came_ns, ran_ns - thread->ran_ns);
	thread->ran_ns = ran_ns;
	thread->since_ns = now_ns;
	thread->stretch_ns = cpu->stretch_ns;
	thread->waited_ns = task->sched_info.run_delay;
	if (preempt || !sleep_state) {
		thread->phase = OFF_CPU_PREEMPTED;
		return;
	}
	thread->cause = off_cpu__cause(task, sleep_state);
	thread->waker = 0;
	thread->phase = OFF_CPU_BLOCKED;
}

/* Process 0 is each CPU's idle loop. */
static __always_inline bool off_cpu__wants(struct task_struct *task)
{
	return task->pid && profile__wants(task->tgid);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(tp_btf__sched_switch, bool preempt, struct task_struct *previous, struct task_struct *next)
{
	bool leaves = off_cpu__wants(previous);
	bool enters = off_cpu__wants(next);
	struct off_cpu_cpu *cpu;
	u64 now_ns;

	if ((!leaves && !enters) || !off_cpu__is_on())
		return 0;
	cpu = off_cpu_cpu__this();
	if (!cpu)
		return 0;
	now_ns = bpf_ktime_get_ns();
	off_cpu_cpu__of_second(cpu, now_ns);
	if (leaves)
		off_cpu__leaves(previous, cpu, preempt, now_ns);
	if (enters) {
		/* Both ends of a time are taken at the same point, else each switch would count as some of it. */
		cpu->back_ns = now_ns;
		cpu->back = next->pid;
	}
	return 0;
}

/* Of a new thread that has not run: where it begins, on a stack that may not even be in memory. */
static __always_inline void off_cpu__mend_new(struct profile_sample_record *record, struct task_struct *task)
{
	if (task->pid != task->tgid && record->user_frames == 1 &&
	    (record->outcome == PROFILE_ENDED || record->outcome == PROFILE_MEMORY_FAULT))
		record->outcome = PROFILE_COMPLETE;
}

/* The current thread is back. */
static __always_inline int off_cpu__enters(void *context, struct task_struct *task)
{
	u32 scratch = PROFILE_SCRATCH_TRACEPOINT;
	struct off_cpu_thread *thread = off_cpu__find(task);
	struct off_cpu_cpu *cpu = off_cpu_cpu__this();
	struct unwind_state *state = bpf_map_lookup_elem(&profile_scratch, &scratch);
	bool sleep_wanted, wait_wanted, is_new;
	u64 sleep_ns, wait_ns, now_ns;

	if (!thread || !cpu || !state || thread->phase == OFF_CPU_RUNS || thread->phase == OFF_CPU_ENDED)
		return 0;
	now_ns = cpu->back == (u32)task->pid ? cpu->back_ns : bpf_ktime_get_ns();
	cpu->back = 0;
	off_cpu__measure(task, thread, now_ns, &sleep_ns, &wait_ns);
	is_new = thread->phase == OFF_CPU_NEW;
	sleep_ns = off_cpu__pay(thread, sleep_ns);
	wait_ns = off_cpu__pay(thread, wait_ns);
	thread->phase = OFF_CPU_RUNS;
	thread->came_ns = now_ns;
	off_cpu_cpu__of_second(cpu, now_ns);
	sleep_wanted = part__wants_stack(thread, OFF_CPU_SLEEP, sleep_ns, cpu);
	wait_wanted = part__wants_stack(thread, OFF_CPU_WAIT, wait_ns, cpu);
	if (thread->short_ns >= OFF_CPU_SHORT_TOLD_NS) {
		sample__begin(state, task);
		off_cpu__send_short(state, thread);
	}
	if (!sleep_wanted && !wait_wanted)
		return 0;
	cpu->sent++;
	sample__begin(state, task);
	sample__kernel_stack(state, context, 0);
	sample__user_stack(state, task, scratch);
	if (is_new)
		off_cpu__mend_new(&state->record, task);
	if (sleep_wanted) {
		state->record.flags |= (u8)thread->waker;
		off_cpu__send(state, &thread->parts[OFF_CPU_SLEEP].owed_ns, thread->cause);
		state->record.flags &= (u8)~thread->waker;
	}
	if (wait_wanted)
		off_cpu__send(state, &thread->parts[OFF_CPU_WAIT].owed_ns, PROFILE_CAUSE_RUNQUEUE);
	return 0;
}

/* The end of the scheduler's work, on the stack of the thread that is back: without its locks, and with interrupts. */
SEC("tp_btf/sched_exit_tp")
int BPF_PROG(tp_btf__sched_exit_tp, bool is_switch)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!is_switch || !off_cpu__wants(task) || !off_cpu__is_on())
		return 0;
	return off_cpu__enters(ctx, task);
}

/* The same where that tracepoint is not (before Linux 6.16): under the lock still. */
SEC("kprobe")
int kprobe__finish_task_switch(struct pt_regs *context)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!off_cpu__wants(task) || !off_cpu__is_on())
		return 0;
	return off_cpu__enters(context, task);
}

/* In the waker, whichever CPU the sleeper will get. */
SEC("tp_btf/sched_waking")
int BPF_PROG(tp_btf__sched_waking, struct task_struct *task)
{
	if (!off_cpu__wants(task) || !off_cpu__is_on())
		return 0;
	return off_cpu__waking(ctx, task);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct off_cpu_cpu *cpu = off_cpu_cpu__this();
	struct off_cpu_thread *thread;

	if (!profile__wants(parent->tgid))
		return 0;
	thread = bpf_task_storage_get(&off_cpu_threads, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread || !cpu || !off_cpu__is_on())
		return 0;
	thread->stretch_ns = cpu->stretch_ns;
	/* It is made runnable next, by who is here. */
	thread->since_ns = bpf_ktime_get_ns();
	thread->phase = OFF_CPU_NEW;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_btf__sched_process_exit, struct task_struct *task)
{
	u32 scratch = PROFILE_SCRATCH_TRACEPOINT;
	struct off_cpu_thread *thread;
	struct unwind_state *state;

	if (!off_cpu__is_on())
		return 0;
	thread = off_cpu__find(task); /* the last thread's process may be no target any more */
	state = bpf_map_lookup_elem(&profile_scratch, &scratch);
	if (!thread || !state || thread->phase == OFF_CPU_ENDED)
		return 0;
	sample__begin(state, task);
	off_cpu__send_rest(state, thread);
	return 0;
}

/* After the beginning, and again as often as there may be new targets: what every thread is at that nothing is known of.
 * Whoever was quicker, the hooks or this, is right. */
SEC("iter/task")
int iter__begin(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct off_cpu_thread *thread;
	u32 sleep_state, phase;

	if (!task || !off_cpu__wants(task))
		return 0;
	thread = bpf_task_storage_get(&off_cpu_threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread || thread->phase != OFF_CPU_UNKNOWN)
		return 0;
	sleep_state = task->__state;
	phase = task->on_cpu ? OFF_CPU_RUNS : sleep_state ? OFF_CPU_BLOCKED : OFF_CPU_PREEMPTED;
	thread->since_ns = off_cpu_begin_ns;
	thread->waited_ns = task->sched_info.run_delay;
	thread->ran_ns = task->se.sum_exec_runtime;
	if (phase == OFF_CPU_BLOCKED)
		thread->cause = off_cpu__cause(task, sleep_state);
	__sync_val_compare_and_swap(&thread->phase, OFF_CPU_UNKNOWN, phase);
	return 0;
}

/* Once, after the end: what every thread is at still. */
SEC("iter.s/task")
int iter_s__cut(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (!task || !off_cpu__wants(task))
		return 0;
	return off_cpu__cut(task);
}
