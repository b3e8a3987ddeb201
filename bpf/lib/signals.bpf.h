/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables that all kernel signals are kept in. The loader makes each of these maps once and gives it to every object. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "records/signal.h"

/* The last quarter is for keys without an owner, of which there are few. */
#define SIGNAL_TABLE_KEYS 16384
#define SIGNAL_TABLE_OWNED_KEYS (SIGNAL_TABLE_KEYS - SIGNAL_TABLE_KEYS / 4)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct signal_control);
} signal_control SEC(".maps");

#define SIGNAL_TABLE(name, value_type)                        \
	struct {                                              \
		__uint(type, BPF_MAP_TYPE_PERCPU_HASH);       \
		__uint(map_flags, BPF_F_NO_PREALLOC);         \
		__uint(max_entries, SIGNAL_TABLE_KEYS);       \
		__type(key, struct signal_key);               \
		__type(value, value_type);                    \
	} name SEC(".maps")

SIGNAL_TABLE(signal_distributions_0, struct signal_distribution);
SIGNAL_TABLE(signal_distributions_1, struct signal_distribution);
SIGNAL_TABLE(signal_counts_0, u64);
SIGNAL_TABLE(signal_counts_1, u64);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SIGNAL_BOOK_COUNT);
	__type(key, u32);
	__type(value, u64);
} signal_books SEC(".maps");

static const struct signal_distribution no_distribution;
static const u64 no_count;

/* Atomic, because a program in an interrupt may come between. */
static __always_inline void signal_book__add_times(u32 book, u32 times)
{
	u64 *value = bpf_map_lookup_elem(&signal_books, &book);

	if (value)
		__sync_fetch_and_add(value, times);
}

static __always_inline void signal_book__add(u32 book)
{
	signal_book__add_times(book, 1);
}

static __always_inline u32 log2_of(u64 value)
{
	u32 log = 0;

	if (value >> 32) {
		log += 32;
		value >>= 32;
	}
	if (value >> 16) {
		log += 16;
		value >>= 16;
	}
	if (value >> 8) {
		log += 8;
		value >>= 8;
	}
	if (value >> 4) {
		log += 4;
		value >>= 4;
	}
	if (value >> 2) {
		log += 2;
		value >>= 2;
	}
	return log + (value >> 1 ? 1 : 0);
}

/* 10^9 ns lie between 2^29 and 2^30, so that every octave of nanoseconds holds just one bound of the slots: the octave of
 * 2^m has 2^(m-29) s. A bound that is no whole number is cut, which changes no comparison with one. */
static __always_inline u32 signal_slot__of_time(u64 ns)
{
	u32 log = log2_of(ns | 1);
	u64 bound;
	u32 slot;

	if (log < 9)
		return 0;
	if (log > 29 + 10)
		return SIGNAL_SLOTS - 1;
	bound = log >= 29 ? 1000000000ULL << (log - 29) : 1000000000ULL >> (29 - log);
	slot = log - 9 + (ns > bound);
	return slot < SIGNAL_SLOTS ? slot : SIGNAL_SLOTS - 1;
}

static __always_inline u32 signal_slot__of_size(u64 bytes)
{
	u32 slot = bytes < 2 ? 0 : log2_of(bytes - 1) + 1;

	return slot < SIGNAL_SLOTS ? slot : SIGNAL_SLOTS - 1;
}

static __always_inline void *signal__make_entry(void *table, const struct signal_key *key, const void *empty, u32 *keys)
{
	if (!bpf_map_update_elem(table, key, empty, BPF_NOEXIST))
		__sync_fetch_and_add(keys, 1);
	return bpf_map_lookup_elem(table, key);
}

/* The entry of this CPU, a new one where there is none. Without room for another owner, or at a moment when the kernel
 * has no memory at hand, that of SIGNAL_OWNER_OTHER. NULL, and counted: neither. */
static __always_inline void *signal__entry(void *table, const struct signal_key *key, const void *empty, u32 *keys)
{
	struct signal_key other = *key;
	void *entry = bpf_map_lookup_elem(table, key);

	if (entry)
		return entry;
	if (*keys < SIGNAL_TABLE_OWNED_KEYS || key->owner == SIGNAL_OWNER_HOST || key->owner == SIGNAL_OWNER_OTHER) {
		entry = signal__make_entry(table, key, empty, keys);
		if (entry)
			return entry;
	}
	other.owner = SIGNAL_OWNER_OTHER;
	entry = bpf_map_lookup_elem(table, &other);
	if (!entry)
		entry = signal__make_entry(table, &other, empty, keys);
	signal_book__add(entry ? SIGNAL_BOOK_MERGED : SIGNAL_BOOK_LOST);
	return entry;
}

static __always_inline struct signal_control *signal__control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&signal_control, &zero);
}

static __always_inline void signal__add(const struct signal_key *key, u64 value, u32 slot, u32 times)
{
	struct signal_control *control = signal__control();
	struct signal_distribution *distribution;

	if (!control || slot >= SIGNAL_SLOTS)
		return;
	signal_book__add(SIGNAL_BOOK_OBSERVED);
	if (times > 1)
		signal_book__add_times(SIGNAL_BOOK_ESTIMATED, times - 1);
	distribution = control->active ? signal__entry(&signal_distributions_1, key, &no_distribution,
						       &control->distributions) :
					 signal__entry(&signal_distributions_0, key, &no_distribution,
						       &control->distributions);
	if (!distribution)
		return;
	__sync_fetch_and_add(&distribution->sum, value * times);
	__sync_fetch_and_add(&distribution->slots[slot], times);
}

/* Global functions, not static ones: the verifier looks at each once, and not again on every path that leads to it, which
 * made half of the time that loading took. Before Linux 6.2 a map takes no key from where an argument points to: hence the
 * copies. */

/* One that stands for so many, of which the others were not seen. */
__noinline int signal__observe_times(const struct signal_key *key, u64 ns, u32 times)
{
	struct signal_key copy;

	if (!key)
		return 0;
	copy = *key;
	signal__add(&copy, ns, signal_slot__of_time(ns), times);
	return 0;
}

__noinline int signal__observe_size(const struct signal_key *key, u64 bytes)
{
	struct signal_key copy;

	if (!key)
		return 0;
	copy = *key;
	signal__add(&copy, bytes, signal_slot__of_size(bytes), 1);
	return 0;
}

static __always_inline void signal__observe(const struct signal_key *key, u64 ns)
{
	signal__observe_times(key, ns, 1);
}

__noinline int signal__count(const struct signal_key *key, u64 value)
{
	struct signal_control *control = signal__control();
	struct signal_key copy;
	u64 *count;

	if (!key || !control)
		return 0;
	copy = *key;
	signal_book__add(SIGNAL_BOOK_OBSERVED);
	count = control->active ? signal__entry(&signal_counts_1, &copy, &no_count, &control->counts) :
				  signal__entry(&signal_counts_0, &copy, &no_count, &control->counts);
	if (count)
		__sync_fetch_and_add(count, value);
	return 0;
}
