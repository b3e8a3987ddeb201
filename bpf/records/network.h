// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the iterator over listeners writes.
#pragma once

#include "records/record_header.h"

/* One listening TCP socket, now. */
struct listener_record {
	__u64 owner;             /* as signal_key.owner */
	__u32 network_namespace; /* inode number */
	__u32 backlog;           /* connections that wait for accept(2) */
	__u32 limit;             /* more than so many, and further ones are dropped */
	__u32 drops;             /* SYNs and last ACKs dropped since it listens; wraps around */
	__u16 port;              /* host order */
	__u16 family;            /* AF_INET, AF_INET6: both, unless it was told not to */
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct listener_record) == 32, "listener_record is part of the contract");
