/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening and closing of connections: what userspace is told once. Fields are read by bpf_probe_read_kernel here,
 * whatever kind of pointer a variant has: these paths run once per connection. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lib/rings.bpf.h"
#include "lib/socket_state.bpf.h"

/* Random, odd; so that identities do not tell kernel addresses. */
const volatile __u64 identity_secret = 1;
/* CLOCK_BOOTTIME when this object was loaded. */
const volatile __u64 loaded_boottime_ns = 0;

static __always_inline u64 socket__identity(const struct sock *sk)
{
	u64 number = 0;

	/* A detour through memory: the verifier allows no arithmetic with a pointer that it trusts. */
	bpf_probe_read_kernel(&number, sizeof(number), &sk);
	return number ? (number ^ identity_secret) * (identity_secret | 1) : 0;
}

static __always_inline void endpoint__clear(struct record_endpoint *endpoint, u16 family)
{
	__builtin_memset(endpoint, 0, sizeof(*endpoint));
	endpoint->family = family;
}

static __always_inline void endpoint__local(struct record_endpoint *endpoint, const struct sock *sk, u16 family)
{
	endpoint__clear(endpoint, family);
	if (family == AF_INET)
		BPF_CORE_READ_INTO((__be32 *)endpoint->ip, sk, __sk_common.skc_rcv_saddr);
	else if (family == AF_INET6)
		BPF_CORE_READ_INTO(&endpoint->ip, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	if (family != AF_UNIX)
		endpoint->port = BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline void endpoint__remote(struct record_endpoint *endpoint, const struct sock *sk, u16 family)
{
	endpoint__clear(endpoint, family);
	if (family == AF_INET)
		BPF_CORE_READ_INTO((__be32 *)endpoint->ip, sk, __sk_common.skc_daddr);
	else if (family == AF_INET6)
		BPF_CORE_READ_INTO(&endpoint->ip, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	if (family != AF_UNIX)
		endpoint->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* Once per connection; tried again at the next call when the ring had no room. `next` holds the positions
 * before the first record. */
static __always_inline void socket_opened__emit(struct sock *sk, struct socket_state *state)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct socket_opened_record *record = control__reserve(sizeof(*record));

	if (!record)
		return;
	header__fill(&record->header, RECORD_SOCKET_OPENED, sizeof(*record));
	record->process.start_boottime_ns = state->start_boottime_ns;
	record->process.pid = state->pid;
	record->process.tid = state->tid;
	record->connection = state->connection;
	record->send_position = state->next[SEND];
	record->receive_position = state->next[RECEIVE];
	record->connect_latency_ns = state->connect_start_ns;
	record->socket_identity = 0;
	record->peer_identity = 0;
	if (family == AF_UNIX) {
		record->socket_identity = socket__identity(sk);
		record->peer_identity = socket__identity(BPF_CORE_READ((struct unix_sock *)sk, peer));
	}
	endpoint__local(&record->local, sk, family);
	endpoint__remote(&record->remote, sk, family);
	record->network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	record->flags = (state->flags & STATE_CLIENT ? SOCKET_OPENED_CLIENT : 0) |
			(state->flags & STATE_SERVER ? SOCKET_OPENED_SERVER : 0) |
			(state->flags & STATE_MID_LIFE ? SOCKET_OPENED_MID_LIFE : 0) |
			(state->flags & STATE_TCP || !(state->flags & STATE_MID_LIFE) ?
				 SOCKET_OPENED_POSITIONS_KNOWN :
				 0);
	control__submit(record);
	state->flags |= STATE_ANNOUNCED;
}

static __always_inline void connect_failed__emit(const struct sock *sk, const struct socket_state *state)
{
	struct connect_failed_record *record = control__reserve(sizeof(*record));

	if (!record)
		return;
	header__fill(&record->header, RECORD_CONNECT_FAILED, sizeof(*record));
	record->process.start_boottime_ns = state->start_boottime_ns;
	record->process.pid = state->pid;
	record->process.tid = state->tid;
	endpoint__remote(&record->remote, sk, BPF_CORE_READ(sk, __sk_common.skc_family));
	record->latency_ns = record->header.time_ns - state->connect_start_ns;
	record->errno_value = BPF_CORE_READ(sk, sk_err);
	record->reserved = 0;
	control__submit(record);
}

static __always_inline u32 socket_state__close_reason(const struct socket_state *state)
{
	if (state->flags & STATE_RESET_BY_US)
		return SOCKET_CLOSE_RESET_BY_US;
	if (state->flags & STATE_RESET_BY_PEER)
		return SOCKET_CLOSE_RESET_BY_PEER;
	return state->flags & STATE_TIMED_OUT ? SOCKET_CLOSE_TIMEOUT : SOCKET_CLOSE_NORMAL;
}

static __always_inline void socket_closed__emit(struct sock *sk, const struct socket_state *state)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct socket_closed_record *record = control__reserve(sizeof(*record));

	if (!record)
		return;
	header__fill(&record->header, RECORD_SOCKET_CLOSED, sizeof(*record));
	record->connection = state->connection;
	record->bytes_sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	/* The peer's FIN is counted as a byte (tcp_rcv_nxt_update). */
	record->bytes_received = BPF_CORE_READ(tcp, bytes_received) -
				 (BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN ? 1 : 0);
	if ((__s64)record->bytes_received < 0)
		record->bytes_received = 0;
	record->srtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	record->retransmits = BPF_CORE_READ(tcp, total_retrans);
	record->reason = socket_state__close_reason(state);
	record->reset_reason = state->flags >> STATE_RESET_REASON_SHIFT;
	control__submit(record);
}
