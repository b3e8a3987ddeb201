// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Records and counters of the socket probe.
#pragma once

#include "records/record_header.h"

enum {
	/* Payload copied of one call while a flight is young, and after that (a flight: what one direction
	 * carries between two turn-arounds). Heads of messages are seen whole; of a long body only enough
	 * to find the next boundary in. */
	SOCKET_CAPTURE_BYTES = 4096,
	SOCKET_CAPTURE_LONG_FLIGHT_BYTES = 256,
	SOCKET_LONG_FLIGHT_BYTES = 16384,
};

enum socket_data_flag {
	SOCKET_DATA_SEND = 1,          /* else received */
	SOCKET_DATA_END_OF_STREAM = 2, /* a receive of 0 bytes */
	SOCKET_DATA_LENGTH_ONLY = 4,   /* nothing could be captured: sendfile, splice, io_uring, MSG_TRUNC */
};

/* To the data ring; payload_size bytes of payload follow. */
struct socket_data_record {
	struct record_header header;
	__u64 connection;
	__u64 position; /* of the first byte; TCP: low 32 bits are the sequence number */
	__u32 pid;
	__u32 tid;
	__u32 length; /* bytes moved: one call moves less than 2 GiB (MAX_RW_COUNT) */
	__u32 payload_size;
	__u32 flags; /* enum socket_data_flag */
	__u32 srtt_us;
	__u32 retransmits;
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct socket_data_record) == 64, "socket_data_record");

struct record_endpoint {
	__u8 ip[16]; /* IPv4: the first four */
	__u16 port;  /* host order */
	__u16 family; /* AF_INET, AF_INET6, AF_UNIX */
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct record_endpoint) == 24, "record_endpoint");

enum socket_opened_flag {
	SOCKET_OPENED_CLIENT = 1,
	SOCKET_OPENED_SERVER = 2,
	SOCKET_OPENED_MID_LIFE = 4,
	SOCKET_OPENED_POSITIONS_KNOWN = 8, /* send_position, receive_position: before the first record */
};

struct socket_opened_record {
	struct record_header header;
	struct record_process process;
	__u64 connection;
	__u64 send_position;
	__u64 receive_position;
	__u64 connect_latency_ns;
	__u64 socket_identity; /* AF_UNIX; opaque */
	__u64 peer_identity;
	struct record_endpoint local;
	struct record_endpoint remote;
	__u32 network_namespace; /* inode number */
	__u32 flags;             /* enum socket_opened_flag */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct socket_opened_record) == 136, "socket_opened_record");

enum socket_close_reason {
	SOCKET_CLOSE_NORMAL = 0,
	SOCKET_CLOSE_RESET_BY_PEER = 1,
	SOCKET_CLOSE_RESET_BY_US = 2,
	SOCKET_CLOSE_TIMEOUT = 3,
};

/* Why there was a reset: of one that we sent, the kernel's reason; of one received, how far the connection had come. */
enum reset_reason {
	RESET_NONE = 0, /* there was none */
	RESET_UNREAD_DATA,      /* closed before all was read that had come */
	RESET_ABORTED,          /* closed without lingering (SO_LINGER of 0), or disconnected */
	RESET_DATA_AFTER_CLOSE, /* data came for a socket that was closed */
	RESET_LINGER,           /* closed, and the peer did not close in time (TCP_LINGER2) */
	RESET_MEMORY,
	RESET_KEEPALIVE, /* the peer gave no sign of life */
	RESET_BAD_SEGMENT,
	RESET_OTHER,
	RESET_WHILE_ESTABLISHED, /* received: neither side had closed, */
	RESET_WHILE_HALF_CLOSED, /* the peer had, */
	RESET_WHILE_CLOSING,     /* we had */
	RESET_REASON_COUNT
};

struct socket_closed_record {
	struct record_header header;
	__u64 connection;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u32 srtt_us;
	__u32 retransmits;
	__u32 reason; /* enum socket_close_reason */
	__u32 reset_reason; /* enum reset_reason */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct socket_closed_record) == 56, "socket_closed_record");

struct connect_failed_record {
	struct record_header header;
	struct record_process process;
	struct record_endpoint remote;
	__u64 latency_ns;
	__u32 errno_value;
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct connect_failed_record) == 72, "connect_failed_record");

/* Index into the per-CPU counters map. Append only. */
enum socket_counter {
	SOCKET_COUNTER_WANTED,         /* data records that should reach userspace */
	SOCKET_COUNTER_RING_FULL,      /* of these: no room in the data ring */
	SOCKET_COUNTER_COPY_FAILED,    /* of these: the user's buffer could not be read */
	SOCKET_COUNTER_STORAGE_FAILED, /* of these: no memory for the connection's state */
	SOCKET_COUNTER_CONTROL_FULL,   /* control records lost: no room in the control ring */
	SOCKET_COUNTER_LENGTH_ONLY,    /* records without payload: sendfile, splice, io_uring ... */
	SOCKET_COUNTER_COUNT
};
