// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What was known when the kernel chose a process to be killed for want of memory.
#pragma once

#include "records/record_header.h"

/* Entry N of the array has the kills number N + 1, N + 1 + OOM_KILLS_KEPT and so on: the last one of them. */
#define OOM_KILLS_KEPT 16
#define OOM_CGROUP_NAME_BYTES 64

struct oom_kill {
	__u64 number;  /* since the probe was loaded, from 1; 0: none, or one that is being written */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 owner;   /* the victim's, as in signal_key; 0: not known */
	/* The nearest cgroup that is as good as full; limit_pages 0: none is, the host has run out of memory. */
	__u64 cgroup_id;
	__u64 limit_pages;
	__u64 used_pages;
	/* Of the victim, as exact as the kernel counts them. */
	__u64 anonymous_pages;
	__u64 file_pages;
	__u64 shared_pages;
	__u32 victim_pid;
	__u32 asker_pid; /* whose wish for memory could not be met */
	char victim[16];
	char asker[16];
	char cgroup[OOM_CGROUP_NAME_BYTES]; /* the last part of its path */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct oom_kill) == 176, "oom_kill is part of the contract");
