// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long connections wait for accept(2). No tracepoint sees a socket accepted, so this needs a kernel that allows fexit,
// and is an object of its own.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/accept_ports.bpf.h"
#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* When the handshake ended, by address of the socket: nobody owns it yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} accept_queues SEC(".maps");

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tp_btf__inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	u64 address = (u64)sk;
	u64 now_ns;
	u16 port;

	/* The last ACK makes the socket, as a copy of the listener; one that nobody accepts is closed with it. */
	if (new_state != TCP_CLOSE && (old_state != TCP_LISTEN || new_state != TCP_SYN_RECV))
		return 0;
	port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (!accept_ports__contains(port))
		return 0;
	if (new_state == TCP_CLOSE) {
		bpf_map_delete_elem(&accept_queues, &address);
		return 0;
	}
	now_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&accept_queues, &address, &now_ns, BPF_ANY))
		signal_book__add(SIGNAL_BOOK_UNTIMED_ACCEPT);
	return 0;
}

static __always_inline int socket__accepted(struct sock *accepted)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_key key = { .signal = SIGNAL_ACCEPT };
	u64 address = (u64)accepted;
	u64 *queued_ns;

	if (!accepted || !targets__contains(task->tgid))
		return 0;
	queued_ns = bpf_map_lookup_elem(&accept_queues, &address);
	if (!queued_ns)
		return 0; /* older than we are */
	key.owner = owner__of_target(task, task_state__find(task));
	signal__observe(&key, bpf_ktime_get_ns() - *queued_ns);
	bpf_map_delete_elem(&accept_queues, &address);
	return 0;
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(fexit__inet_csk_accept, struct sock *listener, void *argument, struct sock *accepted)
{
	return socket__accepted(accepted);
}

/* Before Linux 6.10 (92ef0fd55ac8). */
SEC("fexit/inet_csk_accept")
int BPF_PROG(fexit__inet_csk_accept_4, struct sock *listener, int flags, int *error, bool kernel, struct sock *accepted)
{
	return socket__accepted(accepted);
}
