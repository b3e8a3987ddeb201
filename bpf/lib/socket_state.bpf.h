/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What we keep of each connection of a target. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

enum direction {
	RECEIVE = 0,
	SEND = 1,
};

enum socket_state_flag {
	STATE_TCP = 1,          /* positions are sequence numbers */
	STATE_ANNOUNCED = 2,    /* userspace was told of it */
	STATE_CLIENT = 4,
	STATE_SERVER = 8,
	STATE_MID_LIFE = 16,
	STATE_END_OF_STREAM = 32, /* reported */
	STATE_RESET_BY_US = 64,
	STATE_RESET_BY_PEER = 128,
	STATE_TIMED_OUT = 256,
	STATE_RESET_REASON_SHIFT = 16, /* enum reset_reason */
};

struct socket_state {
	u64 connection;
	u64 next[2];          /* position behind the last call of each direction */
	u64 flight_bytes;     /* since the last turn-around */
	u64 connect_start_ns; /* client: SYN sent; then the latency */
	u64 start_boottime_ns;
	u64 many_vector;      /* sendmmsg, recvmmsg: the array that is being worked through, */
	u32 many_tid;         /* by whom, */
	u32 many_index;       /* the next message of it */
	u32 pid;              /* who used it first */
	u32 tid;
	u32 flags;            /* enum socket_state_flag */
	u32 direction;        /* of the last call */
	u64 inode;            /* sys_exit variant: guards against a reused struct sock */
};

/* Dies with the socket: no key, no size, no cleaning (bpf_sk_storage, Linux 5.2; in tracing programs 5.11). */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

/* Only the sys_exit variant: a struct sock found through the file table is no pointer that the verifier lets into
 * the storage. The other variants load it with one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct socket_state);
} sockets_by_address SEC(".maps");

const volatile bool state_by_address = false;

/* Never reused while the probe is loaded. 0 is no connection. */
__u64 last_connection = 0;

static __always_inline void socket_state__begin(struct socket_state *state, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();

	__builtin_memset(state, 0, sizeof(*state));
	state->connection = __sync_fetch_and_add(&last_connection, 1) + 1;
	state->start_boottime_ns = task->group_leader->start_boottime;
	state->pid = task->tgid;
	state->tid = task->pid;
	state->direction = RECEIVE;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP && BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		state->flags = STATE_TCP;
}

/* The branch that is not chosen is dead code for the verifier, so that `sk` may be a mere number in the sys_exit
 * variant, and must be a trusted pointer in the others. */
static __always_inline struct socket_state *socket_state__find(struct sock *sk)
{
	u64 key = (u64)sk;

	if (state_by_address)
		return bpf_map_lookup_elem(&sockets_by_address, &key);
	return bpf_sk_storage_get(&sockets, sk, 0, 0);
}

/* socket_state__begin follows. */
static __always_inline struct socket_state *socket_state__create(struct sock *sk)
{
	u64 key = (u64)sk;

	if (state_by_address) {
		struct socket_state empty = {};

		bpf_map_update_elem(&sockets_by_address, &key, &empty, BPF_ANY);
		return bpf_map_lookup_elem(&sockets_by_address, &key);
	}
	return bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

static __always_inline void socket_state__forget(struct sock *sk)
{
	u64 key = (u64)sk;

	if (state_by_address)
		bpf_map_delete_elem(&sockets_by_address, &key);
}
