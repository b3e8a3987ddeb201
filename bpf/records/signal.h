// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Kernel signals: distributions and counts that programs keep in per-CPU maps, read once per interval. One pair of tables
// serves all probes; a signal is one number here and one row in userspace/aggregators/kernel_signals.cpp.
#pragma once

#include "records/record_header.h"

/* Append only: the number is the contract. */
enum kernel_signal {
	SIGNAL_BLOCKED = 1,        /* distribution; label: enum blocked_cause, detail: system call + 1, 0: outside one */
	SIGNAL_RUNQUEUE = 2,       /* distribution; label: enum runqueue_reason */
	SIGNAL_MIGRATIONS = 3,     /* count */
	SIGNAL_EXECS = 4,          /* count */
	SIGNAL_EXITS = 5,          /* count; label: enum exit_reason, detail: status or signal */
	SIGNAL_LIFETIME = 6,       /* distribution, of processes */
	SIGNAL_DISK_IO = 7,        /* distribution; label: enum disk_direction, detail: number of the whole disk */
	SIGNAL_DISK_QUEUE = 8,     /* distribution; the same */
	SIGNAL_DISK_SIZE = 9,      /* distribution of sizes; the same */
	SIGNAL_DISK_ERRORS = 10,   /* count; label: enum disk_direction | errno << DISK_ERROR_SHIFT, detail: the same */
	SIGNAL_INTERRUPT = 11,     /* distribution; label: enum interrupt_type and, of a shared hard one, which of its handlers
				    * (INTERRUPT_NAME_SHIFT); detail: number of the soft or the hard interrupt */
	SIGNAL_FAULT = 12,         /* distribution; label: enum fault_type */
	SIGNAL_RECLAIM_STALL = 13, /* distribution; label: enum stall_type */
	SIGNAL_OOM_KILLS = 14,     /* count, of processes; struct oom_kill tells of the last ones */
	SIGNAL_FSYNC = 15,         /* distribution; label: errno or 0, detail: device number of the file system */
	SIGNAL_FILE_IO = 16,       /* distribution; label: enum file_operation, detail: the same */
	SIGNAL_WRITEBACK = 17,     /* distribution, of files that kernel threads write back; detail: the same */
	SIGNAL_ACCEPT = 32,            /* distribution: from the handshake to accept(2), of targets */
	SIGNAL_LISTEN_DROPS = 33,      /* count; detail: port. SYNs and last ACKs that a listener dropped */
	SIGNAL_SYNACK_RETRANSMITS = 34, /* count; detail: port of the listener */
	SIGNAL_TCP_RETRANSMITS = 35,   /* count; of sockets that are no target's */
	SIGNAL_PACKET_DROPS = 36,      /* count; detail: the kernel's enum skb_drop_reason; of the host */
	SIGNAL_UDP_SIZE = 37,          /* distribution of sizes, of targets; label: enum udp_direction */
	SIGNAL_SYSCALL = 48,           /* distribution, of targets, an estimate; label: errno, 0: none, detail: call + 1 */
	SIGNAL_SYSCALL_WATCHED = 49,   /* the same, complete, while somebody watches */
	SIGNAL_SYSCALL_UNMEASURED = 50, /* count, of targets: calls begun before they were observed */
	SIGNAL_COUNT_OF_SIGNALS
};

enum udp_direction {
	UDP_TRANSMIT = 1,
	UDP_RECEIVE,
};

enum blocked_cause {
	BLOCKED_DISK = 1,
	BLOCKED_NETWORK,
	BLOCKED_LOCK,
	BLOCKED_TIMER,
	BLOCKED_PAGE_FAULT,
	BLOCKED_POLL,
	BLOCKED_IPC,
	BLOCKED_WAIT,
	BLOCKED_OTHER,
};

enum runqueue_reason {
	RUNQUEUE_WAKEUP = 1,
	RUNQUEUE_PREEMPTED,
};

enum exit_reason {
	EXIT_EXITED = 1,
	EXIT_SIGNALED,
	EXIT_DUMPED,
};

enum disk_direction {
	DISK_READ = 1,
	DISK_WRITE,
	DISK_FLUSH,
	DISK_DISCARD,
};
#define DISK_ERROR_SHIFT 8

enum interrupt_type {
	INTERRUPT_SOFT = 1,
	INTERRUPT_HARD,
};
/* Handlers of one hard interrupt are told apart by 14 bits of a hash of their names: 0, it can have but one. */
#define INTERRUPT_NAME_SHIFT 2
#define INTERRUPT_NAME_BYTES 64

/* FNV-1a folded to 14 bits that are never 0; `name` ends with 0 or is INTERRUPT_NAME_BYTES long. */
static inline __u16 interrupt_name__hash(const char *name)
{
	__u32 hash = 2166136261U;

	for (int i = 0; i < INTERRUPT_NAME_BYTES && name[i] != 0; ++i)
		hash = (hash ^ (__u8)name[i]) * 16777619U;
	hash = (hash ^ hash >> 14 ^ hash >> 28) & 0x3fff;
	return (__u16)(hash ? hash : 1);
}

enum file_operation {
	FILE_READ = 1,
	FILE_WRITE,
	FILE_OPEN,
};

enum fault_type {
	FAULT_MAJOR = 1,
};

/* What a thread that wants memory has to do first. */
enum stall_type {
	STALL_DIRECT = 1, /* free some of the host's */
	STALL_MEMCG,      /* free some of its cgroup's, which is at its limit */
	STALL_COMPACTION, /* move pages together */
};

/* How numbers of devices are kept in signal_key.detail: the kernel's own dev_t, not that of stat(2). */
#define DEVICE_MINOR_BITS 20

/* Whose it is: signal_key.owner. */
#define SIGNAL_OWNER_HOST 0ULL
#define SIGNAL_OWNER_KERNEL (1ULL << 62)   /* kernel threads */
#define SIGNAL_OWNER_OTHER (SIGNAL_OWNER_KERNEL + 1) /* there were too many owners */
#define SIGNAL_OWNER_PROCESS (1ULL << 63)  /* a target: start in ticks of 10 ms since boot << 22 | process id */
#define SIGNAL_OWNER_PID_BITS 22           /* PID_MAX_LIMIT, include/linux/threads.h */
/* else: a cgroup v2 id */

struct signal_key {
	__u64 owner;
	__u16 signal; /* enum kernel_signal */
	__u16 label;
	__u32 detail;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct signal_key) == 16, "signal_key is part of the contract");

/* Slot 0 holds values up to 2^-20 s (0.95 us), slot i those in (2^(i-21), 2^(i-20)] s, the last one all above 2^10 s: the
 * buckets of an OpenTelemetry exponential histogram of scale 0. Of sizes: up to 1 byte, (2^(i-1), 2^i] bytes. */
enum { SIGNAL_SLOTS = 32, SIGNAL_SLOT_EXPONENT = 20 };

struct signal_distribution {
	__u64 sum; /* nanoseconds, or bytes */
	__u32 slots[SIGNAL_SLOTS];
};
HOSTLENS_RECORD_ASSERT(sizeof(struct signal_distribution) == 136, "signal_distribution is part of the contract");

/* Which of both tables the programs write now: the other one is read and emptied meanwhile, so that nothing falls between
 * two readings. */
struct signal_control {
	__u32 active; /* 0 or 1 */
	__u32 distributions; /* keys in the active table, counted by who adds them: see SIGNAL_TABLE_OWNED_KEYS */
	__u32 counts;
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct signal_control) == 16, "signal_control is part of the contract");

/* Index into the per-CPU books. Append only. */
enum signal_book {
	SIGNAL_BOOK_OBSERVED,       /* observations that should be in a table */
	SIGNAL_BOOK_LOST,           /* of these, lost: no room or memory for their key */
	SIGNAL_BOOK_MERGED,         /* of these, kept as SIGNAL_OWNER_OTHER, for the same reason */
	SIGNAL_BOOK_UNKNOWN_THREAD, /* switches of threads without state: nothing is known of their wait */
	SIGNAL_BOOK_ESTIMATED,      /* observations that were not made: one that was stands for them */
	SIGNAL_BOOK_UNSEEN_SWITCH,  /* a target's, which the kernel counted and did not show: what was between is lost */
	SIGNAL_BOOK_UNTRACKED,      /* requests to disks that were not followed: too many in flight */
	SIGNAL_BOOK_UNTIMED_ACCEPT, /* connections whose wait for accept(2) was not measured: too many waited */
	SIGNAL_BOOK_COUNT
};
