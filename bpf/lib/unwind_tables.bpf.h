/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The unwinder's tables as maps, and the unwinder in the kernel. What they hold: records/profile.h. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "records/profile.h"

/* All slabs are of one size, so that the verifier inlines the lookup of a word: half the price of a call. */
struct unwind_slab {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1U << 10); /* BPF_F_MMAPABLE */
	__uint(max_entries, UNWIND_SLAB_WORDS);
	__type(key, u32);
	__type(value, u64); /* union unwind_word */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_SLABS_MAX);
	__type(key, u32);
	__array(values, struct unwind_slab);
} unwind_slabs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, 1U << 10);
	__uint(max_entries, UNWIND_EXECUTABLES_MAX);
	__type(key, u32);
	__type(value, struct unwind_executable);
} unwind_executables SEC(".maps");

/* By number of the space. Before Linux 6.1 programs of perf events may use no table that allocates as it goes: the loader
 * makes this one and that of the processes smaller there, and whole at once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct unwind_space);
} unwind_spaces SEC(".maps");

/* Of spaces with UNWIND_SPACE_HOTSPOT. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct hotspot_space);
} hotspot_spaces SEC(".maps");

static __always_inline const union unwind_word *unwind__word(u32 index)
{
	u32 number = index >> UNWIND_SLAB_SHIFT;
	u32 word = index & (UNWIND_SLAB_WORDS - 1);
	void *slab = bpf_map_lookup_elem(&unwind_slabs, &number);

	return slab ? bpf_map_lookup_elem(slab, &word) : NULL;
}

static __always_inline struct unwind_executable *unwind__executable(u32 number)
{
	return bpf_map_lookup_elem(&unwind_executables, &number);
}

static __always_inline int unwind__read(void *to, u32 bytes, u64 from)
{
	return bpf_probe_read_user(to, bytes, (const void *)from) ? 1 : 0;
}

#define UNWIND_FUNCTION __noinline
#define UNWIND_INLINE static __always_inline
#include "lib/unwind.bpf.h"
