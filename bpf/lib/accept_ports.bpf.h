/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ports on which a target listens: what accepts are watched of. One bit per port, of all network namespaces together: a
 * namesake costs time, no truth. */
#pragma once

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, u32);
	__type(value, u64);
} accept_ports SEC(".maps");

static __always_inline bool accept_ports__contains(u16 port)
{
	u32 index = port / 64;
	u64 *word = bpf_map_lookup_elem(&accept_ports, &index);

	return word && (*word & (1ULL << (port & 63)));
}

static __always_inline void accept_ports__add(u16 port)
{
	u32 index = port / 64;
	u64 *word = bpf_map_lookup_elem(&accept_ports, &index);

	if (word && !(*word & (1ULL << (port & 63))))
		__sync_fetch_and_or(word, 1ULL << (port & 63));
}
