/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Datagrams of targets, by size alone: their payload is not captured. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

static __always_inline void udp__observe(struct task_struct *task, u32 bytes, bool send)
{
	struct signal_key key = { .signal = SIGNAL_UDP_SIZE, .label = send ? UDP_TRANSMIT : UDP_RECEIVE };

	key.owner = owner__of_target(task, task_state__find(task));
	signal__observe_size(&key, bytes);
}

/* `sk` is a pointer that the verifier knows; of a call of a target, which returned `result`. */
static __always_inline int udp_call__returned(struct sock *sk, struct task_struct *task, int result, int flags,
					      bool send)
{
	if (result < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE) || sk->sk_protocol != IPPROTO_UDP ||
	    BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return 0;
	udp__observe(task, result, send);
	return 0;
}

/* fexit: an IPv6 socket that sends to an IPv4 address passes through both protocols' functions, IPv6 first. */
static __always_inline int udp_call__traced(struct sock *sk, u16 family, int result, int flags, bool send)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!targets__contains(task->tgid) || sk->__sk_common.skc_family != family)
		return 0;
	return udp_call__returned(sk, task, result, flags, send);
}
