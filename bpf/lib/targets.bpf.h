/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose payload may be copied: one bit per thread group id. An array's lookup is inlined by the verifier:
 * 45 instructions per call of a non-target against 144 with task storage (measured). */
#pragma once

#include <bpf/bpf_helpers.h>

/* PID_MAX_LIMIT of 64-bit kernels, include/linux/threads.h */
#define TARGETS_MOST_PIDS 4194304

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1U << 10); /* BPF_F_MMAPABLE: the supervisor sets bits without a system call */
	__uint(max_entries, TARGETS_MOST_PIDS / 64);
	__type(key, u32);
	__type(value, u64);
} target_bits SEC(".maps");

/* cgroup v2 ids whose programs become targets at exec, before their first instruction. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u8);
} target_cgroups SEC(".maps");

static __always_inline u64 *targets__word(u32 pid)
{
	u32 index = pid / 64;

	return bpf_map_lookup_elem(&target_bits, &index);
}

static __always_inline bool targets__contains(u32 pid)
{
	u64 *word = targets__word(pid);

	return word && (*word & (1ULL << (pid & 63)));
}

static __always_inline void targets__add(u32 pid)
{
	u64 *word = targets__word(pid);

	if (word)
		__sync_fetch_and_or(word, 1ULL << (pid & 63));
}

static __always_inline void targets__remove(u32 pid)
{
	u64 *word = targets__word(pid);

	if (word)
		__sync_fetch_and_and(word, ~(1ULL << (pid & 63)));
}

static __always_inline bool targets__wants_current_cgroup(void)
{
	u64 id = bpf_get_current_cgroup_id();

	return bpf_map_lookup_elem(&target_cgroups, &id) != NULL;
}
