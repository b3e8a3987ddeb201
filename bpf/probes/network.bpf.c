// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets dropped, segments and SYN-ACKs sent again, and the accept queue of every listener. Connections of targets are
// the socket probe's.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/accept_ports.bpf.h"
#include "lib/signals.bpf.h"
#include "lib/socket_state.bpf.h"
#include "lib/tasks.bpf.h"
#include "records/network.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- listeners: each carries its state, and the map of these is what is gone through once per interval; so it is
 * listeners alone, of all network namespaces ---- */

struct listener {
	u64 process; /* who called listen(2), as SIGNAL_OWNER_PROCESS, */
	u64 cgroup;  /* and when it is no target */
	u32 pid;
	u32 drops; /* counted so far */
	u32 port;  /* the socket may have given it back when it closes */
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct listener);
} listeners SEC(".maps");

static __always_inline u64 listener__owner(const struct listener *listener)
{
	return targets__contains(listener->pid) ? listener->process : listener->cgroup;
}

static __always_inline void listener__begin(struct sock *sk, struct listener *listener, struct task_struct *task)
{
	struct task_state *state = task_state__find(task);

	listener->process = state && state->owner ? state->owner : owner__of_process(task);
	listener->cgroup = task->flags & PF_KTHREAD ? SIGNAL_OWNER_KERNEL : owner__of_cgroup(task);
	listener->pid = task->tgid;
	listener->drops = BPF_CORE_READ(sk, sk_drops.counter);
	listener->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (targets__contains(listener->pid))
		accept_ports__add(listener->port);
}

static __always_inline void listener__count(const struct listener *listener, u16 signal, u64 value)
{
	struct signal_key key = { .owner = listener__owner(listener), .signal = signal, .detail = listener->port };

	if (value)
		signal__count(&key, value);
}

/* What was dropped since the last look. */
static __always_inline void listener__count_drops(const struct sock *sk, struct listener *listener)
{
	u32 drops = BPF_CORE_READ(sk, sk_drops.counter);

	listener__count(listener, SIGNAL_LISTEN_DROPS, drops - listener->drops);
	listener->drops = drops;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tp_btf__inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	struct listener *listener;

	if (new_state == TCP_LISTEN) {
		if (sk->sk_protocol != IPPROTO_TCP)
			return 0;
		listener = bpf_sk_storage_get(&listeners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (listener)
			listener__begin(sk, listener, bpf_get_current_task_btf());
	} else if (old_state == TCP_LISTEN && new_state == TCP_CLOSE) {
		listener = bpf_sk_storage_get(&listeners, sk, 0, 0);
		if (listener)
			listener__count_drops(sk, listener);
	}
	return 0;
}

/* Run once, after the hook above is there. */
SEC("iter/task_file")
int iter__task_file(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct listener *listener;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	listener = bpf_sk_storage_get(&listeners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	/* Of those who share it the first one, which is the parent; but rather the service than the init system that
	 * listens in its place. */
	if (listener && listener->pid <= 1)
		listener__begin(sk, listener, task);
	return 0;
}

/* Attached to the map `listeners`: one line for each. */
SEC("iter/bpf_sk_storage_map")
int iter__listener(struct bpf_iter__bpf_sk_storage_map *context)
{
	struct listener_record record = {};
	struct sock *sk = context->sk;
	struct listener *listener;

	if (!sk || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	listener = bpf_sk_storage_get(&listeners, sk, 0, 0);
	if (!listener)
		return 0;
	listener__count_drops(sk, listener);
	record.owner = listener__owner(listener);
	record.network_namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	record.backlog = BPF_CORE_READ(sk, sk_ack_backlog);
	record.limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	record.drops = listener->drops;
	record.port = listener->port;
	record.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (targets__contains(listener->pid))
		accept_ports__add(record.port);
	bpf_seq_write(context->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tp_btf__tcp_retransmit_synack, struct sock *sk)
{
	struct listener *listener = bpf_sk_storage_get(&listeners, sk, 0, 0);

	if (listener)
		listener__count(listener, SIGNAL_SYNACK_RETRANSMITS, 1);
	return 0;
}

/* ---- segments ---- */

/* One packet may be cut into several segments on its way out: tcp_skb_pcount(). */
static __always_inline u16 packet__segments(struct sk_buff *packet)
{
	u64 address = 0;
	struct tcp_skb_cb *control;
	u16 segments;

	bpf_probe_read_kernel(&address, sizeof(address), &packet);
	control = (struct tcp_skb_cb *)(address + bpf_core_field_offset(struct sk_buff, cb));
	segments = BPF_CORE_READ(control, tcp_gso_segs);
	return segments ? segments : 1;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tp_btf__tcp_retransmit_skb, struct sock *sk, struct sk_buff *packet)
{
	struct signal_key key = { .signal = SIGNAL_TCP_RETRANSMITS };

	if (bpf_sk_storage_get(&sockets, sk, 0, 0))
		return 0; /* a target's, known by peer */
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		key.owner = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	signal__count(&key, packet__segments(packet));
	return 0;
}

/* ---- packets ---- */

static __always_inline int packet__dropped(u32 reason)
{
	struct signal_key key = { .owner = SIGNAL_OWNER_HOST, .signal = SIGNAL_PACKET_DROPS, .detail = reason };

	signal__count(&key, 1);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_btf__kfree_skb, struct sk_buff *packet, void *location, u32 reason)
{
	return packet__dropped(reason);
}

/* Before Linux 6.11 (c53795d48ee8). */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_btf__kfree_skb_3, struct sk_buff *packet, void *location, u32 reason)
{
	return packet__dropped(reason);
}

/* Before Linux 5.17 (c504e5c2f964): no reason is told. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(tp_btf__kfree_skb_2, struct sk_buff *packet, void *location)
{
	return packet__dropped(0);
}
