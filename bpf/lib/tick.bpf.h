/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tick of each CPU: what samples are taken by where nobody may open a perf event. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* kernel/time/tick-sched.c, lib/irq_regs.c. A kernel without CONFIG_KALLSYMS_ALL does not find them: it refuses the program. */
extern const struct tick_sched tick_cpu_sched __ksym __weak;
extern struct pt_regs *__irq_regs __ksym __weak;

const volatile __u32 profile_hz;      /* samples of a busy CPU in a second: at most as many as it has ticks */
const volatile __u32 profile_tick_hz; /* CONFIG_HZ */

/* Sum of profile_hz over the ticks, less what was sampled for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} profile_ticks SEC(".maps");

/* Other timers expire by the same hook. */
static __always_inline bool tick__is(const struct hrtimer *timer)
{
	const struct tick_sched *tick;

	if (!&tick_cpu_sched)
		return false;
	tick = bpf_this_cpu_ptr(&tick_cpu_sched);
	return timer == &tick->sched_timer;
}

/* By the number of ticks, not by time: a CPU that was idle owes no sample when it wakes, so who runs in short spells is seen
 * as often as everybody else. */
static __always_inline bool tick__is_due(void)
{
	u32 zero = 0;
	u32 *sum = bpf_map_lookup_elem(&profile_ticks, &zero);

	if (!sum)
		return false;
	*sum += profile_hz;
	if (*sum < profile_tick_hz)
		return false;
	*sum -= profile_tick_hz;
	return true;
}

/* Where the kernel was interrupted; 0: it was not, the program was. */
static __always_inline u64 tick__interrupted_kernel(void)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs **regs;
	u64 pc;

	if (!&__irq_regs)
		return 0;
	regs = bpf_this_cpu_ptr(&__irq_regs);
	if (!regs)
		return 0;
	pc = BPF_CORE_READ(*regs, ip);
	return pc >> 63 ? pc : 0;
#else
	return 0;
#endif
}
