// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every CPU is at, so many times a second: stacks of kernel and user code, the latter unwound here by the tables that
// the worker makes of .eh_frame.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/profile_sample.bpf.h"
#include "lib/tick.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* struct bpf_perf_event_data: it begins with the registers of what was interrupted. */
#if defined(__TARGET_ARCH_x86)
struct interrupted {
	u64 registers[21]; /* struct pt_regs of <asm/ptrace.h> */
};
enum { INTERRUPTED_CS = 17 };

static __always_inline bool interrupted__in_kernel(const struct interrupted *interrupted)
{
	return (interrupted->registers[INTERRUPTED_CS] & 3) == 0;
}
#else
struct interrupted;
static __always_inline bool interrupted__in_kernel(const struct interrupted *interrupted)
{
	return true;
}
#endif

/* A random one in so many is taken and stands for all: what the governor lowers the cost by. Written while it runs. 0: none is,
 * until somebody is there to read them. */
__u32 profile_one_in;
/* A child of this process is not looked at before it executes a program: it is still its parent. 0: nobody's. */
const volatile __u32 profile_starter;

static __always_inline bool task__is_not_yet(struct task_struct *task)
{
	/* The leader's flag: threads have it for as long as they live. */
	return profile_starter && (task->group_leader->flags & PF_FORKNOEXEC) &&
	       (u32)task->real_parent->tgid == profile_starter;
}

/* `in_kernel`, `pc`: as sample__take() has them. */
static __always_inline int sample(void *context, bool in_kernel, u64 pc)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 one_in = *(volatile u32 *)&profile_one_in;
	u64 begin_ns;

	/* Process 0 is each CPU's idle loop. */
	if (!one_in || !task->pid || !profile__wants(task->tgid) || task__is_not_yet(task))
		return 0;
	if (one_in > 1 && bpf_get_prandom_u32() % one_in)
		return 0;
	begin_ns = bpf_ktime_get_ns();
	sample__take(context, task, PROFILE_SCRATCH_SAMPLER, one_in, in_kernel, pc);
	profile_book__add_many(PROFILE_BOOK_SAMPLER_NS, bpf_ktime_get_ns() - begin_ns);
	profile_book__add(PROFILE_BOOK_SAMPLER_RUNS);
	return 0;
}

SEC("perf_event")
int perf_event__sample(struct interrupted *interrupted)
{
	return sample(interrupted, interrupted__in_kernel(interrupted), 0);
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(tp_btf__hrtimer_expire_entry, struct hrtimer *timer)
{
	if (!tick__is(timer) || !tick__is_due())
		return 0;
	return sample(ctx, false, tick__interrupted_kernel());
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	return process__forked(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf__sched_process_exec, struct task_struct *task)
{
	return process__executed(task);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_btf__sched_process_exit, struct task_struct *task)
{
	return process__exited(task);
}

/* Run once, after the hooks are there. */
SEC("iter/task")
int iter__task(struct bpf_iter__task *context)
{
	return process__found(context->task);
}
