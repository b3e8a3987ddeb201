// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every ring record begins with. records/ is the only folder that both sides include: plain C that is
// also C++20, fixed-width types, explicit padding, size a multiple of 8, the variable part last.
#pragma once

#ifdef __cplusplus
#include <linux/types.h>

#include <cstddef>
#define HOSTLENS_RECORD_ASSERT(condition, text) static_assert(condition, text)
#else
#ifndef __bpf__
#include <linux/types.h>
#endif
#define HOSTLENS_RECORD_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Append only: the number is the contract. */
enum record_type {
	RECORD_SOCKET_DATA = 1,
	RECORD_SOCKET_OPENED = 2,
	RECORD_SOCKET_CLOSED = 3,
	RECORD_CONNECT_FAILED = 4,
	RECORD_PROCESS_EXEC = 5,
	RECORD_PROCESS_FORK = 6,
	RECORD_PROCESS_EXIT = 7,
	RECORD_PROFILE_SAMPLE = 16,
	RECORD_PROFILE_NOTICE = 17,
	RECORD_PROFILE_RAW = 18,
	RECORD_PROFILE_WAKER = 19,
};

struct record_header {
	__u64 time_ns; /* CLOCK_MONOTONIC (bpf_ktime_get_ns) */
	__u16 type;    /* enum record_type */
	__u16 cpu;
	__u32 size; /* of the whole record with this header and its variable part */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct record_header) == 16, "record_header is part of the contract");

/* A process as records name it. start_boottime_ns / 10,000,000 is field 22 of /proc/PID/stat. */
struct record_process {
	__u64 start_boottime_ns;
	__u32 pid; /* thread group */
	__u32 tid;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct record_process) == 16, "record_process is part of the contract");
