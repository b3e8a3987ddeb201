/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last processes that were killed for want of memory, and the evidence. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/signals.bpf.h"
#include "records/oom_kill.h"

/* The kernel kills one after another (oom_lock): nobody else writes meanwhile. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OOM_KILLS_KEPT);
	__type(key, u32);
	__type(value, struct oom_kill);
} oom_kills SEC(".maps");

__u64 oom_kill_count;

/* The nearest cgroup within a sixteenth of its limit. One that is refused memory has less than it
 * wants left, which may be a huge page. */
#define MOST_ANCESTORS 16

static __always_inline void oom_kill__read_limit(struct oom_kill *kill, struct task_struct *task)
{
	struct cgroup_subsys_state *state = NULL;
	struct css_set *cgroups = task->cgroups;
	u64 index, limit, used;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return;
	index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	bpf_core_read(&state, sizeof(state), (void *)cgroups + bpf_core_field_offset(cgroups->subsys) + index * sizeof(state));
	for (int i = 0; i < MOST_ANCESTORS && state; ++i) {
		struct mem_cgroup *group = (struct mem_cgroup *)state;

		limit = BPF_CORE_READ(group, memory.max);
		used = (u64)BPF_CORE_READ(group, memory.usage.counter);
		/* Without one it is LONG_MAX in pages. */
		if (limit < 1ULL << 50 && used + limit / 16 >= limit) {
			kill->limit_pages = limit;
			kill->used_pages = used;
			kill->cgroup_id = BPF_CORE_READ(state, cgroup, kn, id);
			bpf_probe_read_kernel_str(kill->cgroup, sizeof(kill->cgroup), BPF_CORE_READ(state, cgroup, kn, name));
			return;
		}
		state = BPF_CORE_READ(state, parent);
	}
}

static __always_inline void oom_kill__read_pages(struct oom_kill *kill, struct task_struct *task)
{
	struct mm_struct *memory = task->mm;
	struct mm_struct___before_6_2 *older = (void *)memory;

	if (bpf_core_field_exists(memory->rss_stat[0].count)) {
		kill->anonymous_pages = BPF_CORE_READ(memory, rss_stat[MM_ANONPAGES].count);
		kill->file_pages = BPF_CORE_READ(memory, rss_stat[MM_FILEPAGES].count);
		kill->shared_pages = BPF_CORE_READ(memory, rss_stat[MM_SHMEMPAGES].count);
	} else if (bpf_core_field_exists(older->rss_stat.count)) {
		kill->anonymous_pages = BPF_CORE_READ(older, rss_stat.count[MM_ANONPAGES].counter);
		kill->file_pages = BPF_CORE_READ(older, rss_stat.count[MM_FILEPAGES].counter);
		kill->shared_pages = BPF_CORE_READ(older, rss_stat.count[MM_SHMEMPAGES].counter);
	}
}

/* Counts it. NULL: never. */
static __always_inline struct oom_kill *oom_kill__next(u64 owner, u32 victim_pid)
{
	struct signal_key key = { .owner = owner, .signal = SIGNAL_OOM_KILLS };
	u32 index = oom_kill_count % OOM_KILLS_KEPT;
	struct oom_kill *kill = bpf_map_lookup_elem(&oom_kills, &index);

	signal__count(&key, 1);
	if (!kill)
		return NULL;
	__builtin_memset(kill, 0, sizeof(*kill));
	kill->time_ns = bpf_ktime_get_ns();
	kill->owner = owner;
	kill->victim_pid = victim_pid;
	kill->asker_pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(kill->asker, sizeof(kill->asker));
	return kill;
}

static __always_inline void oom_kill__of_task(struct oom_kill *kill, struct task_struct *victim)
{
	kill->victim_pid = victim->tgid;
	bpf_probe_read_kernel_str(kill->victim, sizeof(kill->victim), victim->comm);
	oom_kill__read_limit(kill, victim);
	oom_kill__read_pages(kill, victim);
}

static __always_inline void oom_kill__finish(struct oom_kill *kill)
{
	if (kill)
		kill->number = ++oom_kill_count;
}
