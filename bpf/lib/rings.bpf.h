/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two rings and the books of the socket probe. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "records/socket.h"

/* Sizes are set before loading. Two rings, so that a flood of payload never costs an exit or a close. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} control_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} data_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(map_flags, 1U << 3); /* BPF_F_RDONLY: descriptors can only read, the worker gets one */
	__uint(max_entries, SOCKET_COUNTER_COUNT);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

/* A quarter of each ring. */
const volatile __u64 control_wake_bytes = 1 << 18;
const volatile __u64 data_wake_bytes = 1 << 20;

static __always_inline void counter__increment(u32 counter)
{
	u64 *value = bpf_map_lookup_elem(&counters, &counter);

	/* Atomic, because a program in softirq may interrupt another one here. */
	if (value)
		__sync_fetch_and_add(value, 1);
}

/* A wake-up costs 4-5 us, 20 times the record: the reader polls, and is woken only when a ring fills faster
 * than that. Every record within a stretch beyond the mark wakes, since with several CPUs the one record that
 * crosses it may see a position that is already past. */
static __always_inline u64 ring__wake_flag(void *ring, u64 mark)
{
	u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return waiting > mark && waiting < mark + 16384 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void header__fill(struct record_header *header, u16 type, u32 size)
{
	header->time_ns = bpf_ktime_get_ns();
	header->type = type;
	header->cpu = (u16)bpf_get_smp_processor_id();
	header->size = size;
}

static __always_inline void *control__reserve(u64 size)
{
	void *record = bpf_ringbuf_reserve(&control_ring, size, 0);

	if (!record)
		counter__increment(SOCKET_COUNTER_CONTROL_FULL);
	return record;
}

static __always_inline void control__submit(void *record)
{
	bpf_ringbuf_submit(record, ring__wake_flag(&control_ring, control_wake_bytes));
}

/* The verifier wants the size of a reservation to be a constant: the payload's room is one of a few. Payload is
 * copied straight into it; what is left over is skipped by the reader, who goes by the record's own size. */
static __always_inline u32 payload_room__for(u32 length)
{
	if (length <= 128)
		return 128;
	if (length <= 512)
		return 512;
	if (length <= 1536)
		return 1536;
	return SOCKET_CAPTURE_BYTES;
}

static __always_inline struct socket_data_record *data__reserve(u32 payload_room)
{
	struct socket_data_record *record;

	counter__increment(SOCKET_COUNTER_WANTED);
	record = bpf_ringbuf_reserve(&data_ring, sizeof(*record) + payload_room, 0);
	if (!record)
		counter__increment(SOCKET_COUNTER_RING_FULL);
	return record;
}

static __always_inline void data__submit(struct socket_data_record *record, u32 payload_size)
{
	record->payload_size = payload_size;
	header__fill(&record->header, RECORD_SOCKET_DATA, sizeof(*record) + payload_size);
	bpf_ringbuf_submit(record, ring__wake_flag(&data_ring, data_wake_bytes));
}

static __always_inline void data__discard(struct socket_data_record *record)
{
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
}
