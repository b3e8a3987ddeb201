// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long system calls were observed, and what that took: written by the loader at the end of each burst, read by the
// worker.
#pragma once

#include "records/record_header.h"

/* Totals since the probes were loaded. */
struct system_call_books {
	__u64 bursts;
	__u64 observed_ns; /* in bursts that stand for a period */
	__u64 watched_ns;  /* continuously, because somebody asked for it */
	__u64 run_ns;      /* time of our programs in the calls' own threads */
	__u64 runs;        /* of our programs; 0 with run_ns: the kernel did not let it be measured */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct system_call_books) == 40, "system_call_books is part of the contract");
