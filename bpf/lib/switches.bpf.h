/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which switches are looked at, and which threads are off their CPU after one of these. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "lib/signals.bpf.h"
#include "lib/targets.bpf.h"

/* Of threads that are no targets: every switch as long as a CPU has seen fewer since the last reading, then a random one in
 * SWITCH_TIMES, which stands for that many. At some 300 ns each (bpf_stats), 20,000 a reading, or 2,000 a second, cost 0.06% of a
 * CPU; one that switches a hundred times as often would pay 6%. */
#define SWITCHES_SEEN 20000
#define SWITCH_TIMES 16 /* as switch__weight() draws */

struct switch_budget {
	u64 random;
	u32 seen;
	u32 reading; /* signal_control.active, as it was when `seen` was reset */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct switch_budget);
} switch_budgets SEC(".maps");

/* One bit per thread id, of those whose switch-out was looked at: asked at each switch, and an array's lookup is inlined. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TARGETS_MOST_PIDS / 64);
	__type(key, u32);
	__type(value, u64);
} off_cpu_bits SEC(".maps");

static __always_inline u64 *off_cpu__word(u32 tid)
{
	u32 index = tid / 64;

	return bpf_map_lookup_elem(&off_cpu_bits, &index);
}

static __always_inline bool off_cpu__contains(u32 tid)
{
	u64 *word = off_cpu__word(tid);

	return word && (*word & (1ULL << (tid & 63)));
}

static __always_inline void off_cpu__add(u32 tid)
{
	u64 *word = off_cpu__word(tid);

	if (word)
		__sync_fetch_and_or(word, 1ULL << (tid & 63));
}

static __always_inline void off_cpu__remove(u32 tid)
{
	u64 *word = off_cpu__word(tid);

	if (word)
		__sync_fetch_and_and(word, ~(1ULL << (tid & 63)));
}

/* How many switches this one stands for; 0: it is not looked at. In the scheduler, where nothing comes between. */
static __always_inline u16 switch__weight(void)
{
	u32 zero = 0;
	struct switch_budget *budget = bpf_map_lookup_elem(&switch_budgets, &zero);
	struct signal_control *control;

	if (!budget)
		return 0;
	if (budget->seen < SWITCHES_SEEN) {
		++budget->seen;
		return 1;
	}
	/* Knuth's linear congruential generator (MMIX), of which the upper bits are random enough. */
	budget->random = budget->random * 6364136223846793005ULL + 1442695040888963407ULL;
	if (budget->random >> 60)
		return 0;
	/* Asked for here, off the shortest path: a few switches late is early enough. */
	control = signal__control();
	if (control && budget->reading != control->active) {
		budget->reading = control->active;
		budget->seen = 0;
	}
	return SWITCH_TIMES;
}
