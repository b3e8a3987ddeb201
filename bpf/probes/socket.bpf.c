// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Socket calls of targets with the head of their payload, the life of their connections, and of processes. Three
// variants of seeing a call return, of which the loader attaches one; see bpf/README.md.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/process_life.bpf.h"
#include "lib/reset_reason.bpf.h"
#include "lib/socket_call.bpf.h"
#include "lib/udp_call.bpf.h"

/* Global variables use the __u64 spelling: it is the one that skeletons can include. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- tracepoint and fexit: `sk` is a pointer that the verifier knows ---- */

static __always_inline void socket_view__direct(struct socket_view *view, struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	view->shutdown = sk->sk_shutdown;
	view->tcp = tcp != NULL;
	if (!tcp)
		return;
	view->layered = tcp->inet_conn.icsk_ulp_ops != NULL;
	view->write_seq = tcp->write_seq;
	view->copied_seq = tcp->copied_seq;
	if (view->shutdown & RCV_SHUTDOWN)
		view->copied_seq =
			copied_seq__without_fin(view->copied_seq, tcp->rcv_nxt, sk->__sk_common.skc_state);
	view->srtt_us = tcp->srtt_us >> 3;
	view->retransmits = tcp->total_retrans;
}

static __always_inline int socket_call__traced(struct sock *sk, int result, int flags, bool send, bool length_only)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct socket_call call = { .sk = sk, .task = task, .send = send, .length_only = length_only };
	struct socket_state *state;

	call.pid = task->tgid;
	if (!targets__contains(call.pid))
		return 0;
	if (sk->sk_type == SOCK_DGRAM)
		return udp_call__returned(sk, task, result, flags, send);
	if (sk->sk_type != SOCK_STREAM || flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return 0;
	if (BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return 0;
	if (result < 0) {
		system_call__read(&call.system_call, task, true);
		state = system_call__is_many(&call.system_call) ? socket_state__find(sk) : NULL;
		if (state)
			state->many_tid = 0; /* the array ends early */
		return 0;
	}
	call.tid = task->pid;
	call.length = result;
	socket_view__direct(&call.view, sk);
	system_call__read(&call.system_call, task, true);
	state = socket_state__find(sk);
	if (!state)
		state = socket_call__first(sk, &call);
	if (state)
		socket_call__returned(&call, state, result, flags);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(tp_btf__sock_send_length, struct sock *sk, int result, int flags)
{
	return socket_call__traced(sk, result, 0, true, false);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(tp_btf__sock_recv_length, struct sock *sk, int result, int flags)
{
	return socket_call__traced(sk, result, flags, false, false);
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(fexit__tcp_sendmsg, struct sock *sk, struct msghdr *message, u64 size, int result)
{
	return socket_call__traced(sk, result, 0, true, false);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(fexit__tcp_recvmsg, struct sock *sk, struct msghdr *message, u64 size, int flags, int *length, int result)
{
	return socket_call__traced(sk, result, flags, false, false);
}

/* Before Linux 5.19 (ec095263a965). */
SEC("fexit/tcp_recvmsg")
int BPF_PROG(fexit__tcp_recvmsg_nonblock, struct sock *sk, struct msghdr *message, u64 size, int nonblock, int flags,
	     int *length, int result)
{
	return socket_call__traced(sk, result, flags, false, false);
}

SEC("fexit/tcp_sendpage")
int BPF_PROG(fexit__tcp_sendpage, struct sock *sk, void *page, int offset, u64 size, int flags, int result)
{
	return socket_call__traced(sk, result, 0, true, true);
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(fexit__unix_stream_sendmsg, struct socket *socket, struct msghdr *message, u64 size, int result)
{
	return socket_call__traced(socket->sk, result, 0, true, false);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(fexit__unix_stream_recvmsg, struct socket *socket, struct msghdr *message, u64 size, int flags,
	     int result)
{
	return socket_call__traced(socket->sk, result, flags, false, false);
}

SEC("fexit/unix_stream_sendpage")
int BPF_PROG(fexit__unix_stream_sendpage, struct socket *socket, void *page, int offset, u64 size, int flags,
	     int result)
{
	return socket_call__traced(socket->sk, result, 0, true, true);
}

SEC("fexit/unix_stream_splice_read")
int BPF_PROG(fexit__unix_stream_splice_read, struct socket *socket, void *position, void *pipe, u64 size,
	     u32 flags, s64 result)
{
	return socket_call__traced(socket->sk, (int)result, 0, false, true);
}

SEC("fexit/udp_sendmsg")
int BPF_PROG(fexit__udp_sendmsg, struct sock *sk, struct msghdr *message, u64 size, int result)
{
	return udp_call__traced(sk, AF_INET, result, 0, true);
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(fexit__udpv6_sendmsg, struct sock *sk, struct msghdr *message, u64 size, int result)
{
	return udp_call__traced(sk, AF_INET6, result, 0, true);
}

SEC("fexit/udp_recvmsg")
int BPF_PROG(fexit__udp_recvmsg, struct sock *sk, struct msghdr *message, u64 size, int flags, int *length, int result)
{
	return udp_call__traced(sk, AF_INET, result, flags, false);
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(fexit__udpv6_recvmsg, struct sock *sk, struct msghdr *message, u64 size, int flags, int *length,
	     int result)
{
	return udp_call__traced(sk, AF_INET6, result, flags, false);
}

/* Before Linux 5.19 (ec095263a965). */
SEC("fexit/udp_recvmsg")
int BPF_PROG(fexit__udp_recvmsg_nonblock, struct sock *sk, struct msghdr *message, u64 size, int nonblock, int flags,
	     int *length, int result)
{
	return udp_call__traced(sk, AF_INET, result, flags, false);
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(fexit__udpv6_recvmsg_nonblock, struct sock *sk, struct msghdr *message, u64 size, int nonblock, int flags,
	     int *length, int result)
{
	return udp_call__traced(sk, AF_INET6, result, flags, false);
}

/* ---- sys_exit: the socket is looked up behind the file descriptor ---- */

static __always_inline struct sock *socket__of_descriptor(struct task_struct *task, u64 descriptor, u64 *inode)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;
	struct socket *socket;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), files + descriptor) || !file)
		return NULL;
	/* S_IFMT, S_IFSOCK: include/uapi/linux/stat.h */
	if ((BPF_CORE_READ(file, f_inode, i_mode) & 0170000) != 0140000)
		return NULL;
	*inode = BPF_CORE_READ(file, f_inode, i_ino);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void socket_view__by_copy(struct socket_view *view, struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	view->type = BPF_CORE_READ(sk, sk_type);
	view->shutdown = BPF_CORE_READ(sk, sk_shutdown);
	view->tcp = view->type == SOCK_STREAM && (family == AF_INET || family == AF_INET6) &&
		    BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
	if (!view->tcp)
		return;
	view->layered = BPF_CORE_READ(tcp, inet_conn.icsk_ulp_ops) != NULL;
	view->write_seq = BPF_CORE_READ(tcp, write_seq);
	view->copied_seq = BPF_CORE_READ(tcp, copied_seq);
	if (view->shutdown & RCV_SHUTDOWN)
		view->copied_seq = copied_seq__without_fin(view->copied_seq, BPF_CORE_READ(tcp, rcv_nxt),
							   BPF_CORE_READ(sk, __sk_common.skc_state));
	view->srtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	view->retransmits = BPF_CORE_READ(tcp, total_retrans);
}

/* Lengths of all messages of a sendmmsg or recvmmsg, which itself returns their number. */
static __always_inline u32 many__length(const struct system_call *call, u32 messages)
{
	u32 total = 0;

	for (u32 i = 0; i < 64 && i < messages; ++i) {
		u32 length = 0;

		bpf_probe_read_user(&length, sizeof(length), &((struct mmsghdr *)call->second + i)->msg_len);
		total += length;
	}
	return total;
}

enum call_kind { NOT_OF_SOCKETS, SENDS, RECEIVES, SPLICES };

static __always_inline enum call_kind system_call__kind(long number)
{
	switch (number) {
	case NR_WRITE:
	case NR_WRITEV:
	case NR_PWRITEV2:
	case NR_SENDTO:
	case NR_SENDMSG:
	case NR_SENDMMSG:
	case NR_SENDFILE:
		return SENDS;
	case NR_READ:
	case NR_READV:
	case NR_PREADV2:
	case NR_RECVFROM:
	case NR_RECVMSG:
	case NR_RECVMMSG:
		return RECEIVES;
	case NR_SPLICE:
		return SPLICES;
	default:
		return NOT_OF_SOCKETS;
	}
}

static __always_inline int system_call__receive_flags(const struct system_call *call)
{
	if (call->number == NR_RECVFROM || call->number == NR_RECVMMSG)
		return (int)call->fourth;
	return call->number == NR_RECVMSG ? (int)call->third : 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(tp_btf__sys_exit, struct pt_regs *regs, long result)
{
	u64 ids = bpf_get_current_pid_tgid();
	struct socket_call call = {};
	enum call_kind kind;
	struct socket_state *state;
	u64 inode = 0;
	int flags;

	if (result < 0 || !targets__contains(ids >> 32))
		return 0;
	call.task = bpf_get_current_task_btf();
	system_call__read(&call.system_call, call.task, false);
	kind = system_call__kind(call.system_call.number);
	if (kind == NOT_OF_SOCKETS)
		return 0;
	flags = kind == RECEIVES ? system_call__receive_flags(&call.system_call) : 0;
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return 0;
	call.send = kind == SENDS;
	call.sk = socket__of_descriptor(call.task, call.system_call.first, &inode);
	if (!call.sk && kind == SPLICES) {
		call.send = true;
		call.sk = socket__of_descriptor(call.task, call.system_call.third, &inode);
	}
	if (!call.sk)
		return 0;
	socket_view__by_copy(&call.view, call.sk);
	if (call.view.type != SOCK_STREAM)
		return 0;
	call.pid = ids >> 32;
	call.tid = (u32)ids;
	call.length = result;
	if (system_call__is_many(&call.system_call)) {
		call.length = many__length(&call.system_call, result);
		call.length_only = true;
	}
	state = socket_state__find(call.sk);
	if (state && state->inode && state->inode != inode)
		state = NULL; /* another socket in the same memory */
	if (!state)
		state = socket_call__first(call.sk, &call);
	if (!state)
		return 0;
	state->inode = inode;
	socket_call__returned(&call, state, (int)call.length, flags);
	return 0;
}

/* ---- the life of TCP connections ---- */

static __always_inline void connection__established(struct sock *sk, struct socket_state *state)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	state->connect_start_ns = bpf_ktime_get_ns() - state->connect_start_ns;
	state->next[SEND] = (1ULL << 32) + BPF_CORE_READ(tcp, write_seq);
	state->next[RECEIVE] = (1ULL << 32) + BPF_CORE_READ(tcp, copied_seq);
	socket_opened__emit(sk, state);
}

static __always_inline void connection__ended(struct sock *sk, struct socket_state *state, int old_state)
{
	int error = BPF_CORE_READ(sk, sk_err);

	if (old_state == TCP_SYN_SENT && !(state->flags & STATE_ANNOUNCED)) {
		connect_failed__emit(sk, state);
		return;
	}
	if (error == ECONNRESET || error == EPIPE)
		socket_state__reset(state, STATE_RESET_BY_PEER, reset_reason__of_state(old_state));
	else if (error == ETIMEDOUT)
		state->flags |= STATE_TIMED_OUT;
}

static __always_inline void connection__begun(struct sock *sk)
{
	struct socket_state *state;

	/* connect(2): in the caller's context. */
	if (!targets__contains(bpf_get_current_pid_tgid() >> 32) || BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return;
	state = socket_state__create(sk);
	if (!state)
		return;
	socket_state__begin(state, sk);
	state->flags |= STATE_CLIENT;
	state->connect_start_ns = bpf_ktime_get_ns();
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tp_btf__inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	struct socket_state *state;

	if (new_state != TCP_SYN_SENT && new_state != TCP_ESTABLISHED && new_state != TCP_CLOSE)
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new_state == TCP_SYN_SENT) {
		connection__begun(sk);
		return 0;
	}
	state = socket_state__find(sk);
	if (!state)
		return 0;
	if (new_state == TCP_ESTABLISHED && old_state == TCP_SYN_SENT && state->flags & STATE_CLIENT)
		connection__established(sk, state);
	else if (new_state == TCP_CLOSE)
		connection__ended(sk, state, old_state);
	return 0;
}

static __always_inline int socket__sends_reset(struct sock *sk, u32 reason)
{
	struct socket_state *state;

	if (!sk)
		return 0;
	state = socket_state__find(sk);
	if (state)
		socket_state__reset(state, STATE_RESET_BY_US, reason);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tp_btf__tcp_send_reset, struct sock *sk, struct sk_buff *packet, u32 reason)
{
	u32 index = reason & (RESET_REASONS_OF_KERNEL - 1); /* the verifier forgets a comparison */
	u32 known = reset_reason_of[index];

	return socket__sends_reset(sk, index == reason ? known : RESET_OTHER);
}

/* Before Linux 6.10 (5691276b39da). */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tp_btf__tcp_send_reset_2, struct sock *sk, struct sk_buff *packet)
{
	return socket__sends_reset(sk, sk ? reset_reason__guess(sk, packet != NULL) : RESET_OTHER);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tp_btf__tcp_destroy_sock, struct sock *sk)
{
	struct socket_state *state = socket_state__find(sk);

	if (state && state->flags & STATE_ANNOUNCED)
		socket_closed__emit(sk, state);
	socket_state__forget(sk);
	return 0;
}
