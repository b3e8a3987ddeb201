/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who ends a sleep. The hook sees every wake-up of the host, so it is loaded only when somebody asks; of those that are wanted
 * it takes the stack of who wakes, before the sleeper can run. The sleeper is locked then (pi_lock), and interrupts are off. */
#pragma once

#include "lib/off_cpu_thread.bpf.h"

/* A sleep goes on until the sleeper is in a run queue, for which another CPU may have to be interrupted first. */
#define WAKER_QUEUES_WITHIN_NS 1000000ULL

/* Of a CPU. An interrupt may come while the stack of a thread is taken that is back, so this has a place of its own. */
struct off_cpu_waker_cpu {
	struct unwind_state state;
	u32 second;
	u32 sent;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct off_cpu_waker_cpu);
} off_cpu_waker_cpus SEC(".maps");

/* Bits of the preemption counter, include/linux/preempt.h. */
enum {
	PREEMPT_SERVES_SOFTIRQ = 0x100, /* SOFTIRQ_OFFSET; to disable them counts by twice that */
	PREEMPT_SERVES_INTERRUPT = 0xff0000, /* HARDIRQ_MASK, NMI_MASK */
};

#if defined(__TARGET_ARCH_x86)
/* The counter is a variable of each CPU, whose address not every kernel tells (CONFIG_KALLSYMS_ALL). But the kernel's types say
 * where in a CPU's variables it is, and where its run queue is, which the current thread leads to. Set by the loader: how far the
 * one is behind the other. */
const volatile __s64 preempt_count_behind_queue;

static __always_inline u32 preempt_count__read(void)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const char *queue = (const char *)BPF_CORE_READ(task, se.cfs_rq, rq);
	u32 count = 0;

	bpf_probe_read_kernel(&count, sizeof(count), queue + preempt_count_behind_queue);
	return count;
}
#elif defined(__TARGET_ARCH_arm64)
struct thread_info___counts {
	u64 preempt_count;
} __attribute__((preserve_access_index));

static __always_inline u32 preempt_count__read(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return (u32)BPF_CORE_READ((struct thread_info___counts *)&task->thread_info, preempt_count);
}
#endif

/* Twice what the sleepers of a CPU may get: part__may_have_point is asked with up to twice the time that they sleep in the end. */
static __always_inline bool waker__may_send(struct off_cpu_waker_cpu *cpu, u64 now_ns)
{
	u32 second = (u32)(now_ns >> 30);

	if (cpu->second != second) {
		cpu->second = second;
		cpu->sent = 0;
	}
	return cpu->sent++ < 4 * off_cpu_stacks_per_second;
}

/* The current thread's stack, for the thread that it wakes. Of who is no target, where there are targets: the kernel's part. */
static __always_inline bool waker__send(void *context, struct unwind_state *state, u32 sleeper, u32 how)
{
	struct task_struct *task = bpf_get_current_task_btf();

	sample__begin(state, task);
	state->record.header.type = RECORD_PROFILE_WAKER;
	state->record.weight = sleeper;
	state->record.cause = (u8)how;
	state->record.outcome = PROFILE_NO_STACK;
	sample__kernel_stack(state, context, 0);
	if (profile__wants(task->tgid))
		sample__user_stack(state, task, PYTHON_SCRATCH_WAKER);
	return sample__send(state);
}

static __always_inline int off_cpu__waking(void *context, struct task_struct *sleeper)
{
	u32 zero = 0;
	struct off_cpu_thread *thread = off_cpu__find(sleeper);
	struct off_cpu_waker_cpu *cpu = bpf_map_lookup_elem(&off_cpu_waker_cpus, &zero);
	struct task_struct *task = bpf_get_current_task_btf();
	u32 preempt_count;
	u64 now_ns, ns;

	/* One that runs, or waits for a CPU, was woken before it had gone to sleep. */
	if (!thread || !cpu || thread->phase != OFF_CPU_BLOCKED)
		return 0;
	now_ns = bpf_ktime_get_ns();
	ns = now_ns - thread->since_ns;
	if (ns < off_cpu_threshold_ns)
		return 0;
	preempt_count = preempt_count__read();
	/* What was interrupted has nothing to do with it; nor has the idle loop, whose thread is 0. */
	if ((preempt_count & PREEMPT_SERVES_INTERRUPT) || !task->pid) {
		thread->waker = PROFILE_SAMPLE_INTERRUPT;
		return 0;
	}
	if (part__may_have_point(thread, OFF_CPU_SLEEP, ns + WAKER_QUEUES_WITHIN_NS) && waker__may_send(cpu, now_ns) &&
	    waker__send(context, &cpu->state, sleeper->pid,
			preempt_count & PREEMPT_SERVES_SOFTIRQ ? PROFILE_WAKER_SOFTIRQ : PROFILE_WAKER_THREAD))
		thread->waker = PROFILE_SAMPLE_WAKER;
	return 0;
}
