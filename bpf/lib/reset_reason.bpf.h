/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a connection is reset. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/socket_state.bpf.h"
#include "records/socket.h"

#define RESET_REASONS_OF_KERNEL 64

/* enum reset_reason by the kernel's enum sk_rst_reason, which has other numbers in other versions: filled by the loader. */
const volatile __u8 reset_reason_of[RESET_REASONS_OF_KERNEL] = {};

/* The first one is the cause. */
static __always_inline void socket_state__reset(struct socket_state *state, u32 side, u32 reason)
{
	state->flags |= side;
	if (!(state->flags >> STATE_RESET_REASON_SHIFT))
		state->flags |= reason << STATE_RESET_REASON_SHIFT;
}

/* Of a reset received. */
static __always_inline u32 reset_reason__of_state(int state)
{
	if (state == TCP_ESTABLISHED)
		return RESET_WHILE_ESTABLISHED;
	return state == TCP_CLOSE_WAIT ? RESET_WHILE_HALF_CLOSED : RESET_WHILE_CLOSING;
}

/* Of a reset sent, where the kernel does not tell: in answer to a packet, or because the socket is closed. */
static __always_inline u32 reset_reason__guess(const struct sock *sk, bool answer)
{
	if (answer)
		return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_ESTABLISHED ? RESET_OTHER : RESET_DATA_AFTER_CLOSE;
	/* Neither: disconnected. */
	if (BPF_CORE_READ(sk, sk_shutdown) != SHUTDOWN_MASK)
		return RESET_ABORTED;
	return BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_LINGER) && !BPF_CORE_READ(sk, sk_lingertime) ?
		       RESET_ABORTED :
		       RESET_UNREAD_DATA;
}
