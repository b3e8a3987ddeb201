// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The life of processes: targets and their offspring, and every exec and exit when discovery asks for it.
#pragma once

#include "records/record_header.h"

enum { PROCESS_COMM_BYTES = 16 };

enum process_record_flag {
	PROCESS_IS_TARGET = 1,
};

struct process_exec_record {
	struct record_header header;
	struct record_process process;
	__u64 cgroup_id; /* cgroup v2 */
	__u32 parent_pid;
	__u32 flags; /* enum process_record_flag */
	char comm[PROCESS_COMM_BYTES];
};
HOSTLENS_RECORD_ASSERT(sizeof(struct process_exec_record) == 64, "process_exec_record");

struct process_fork_record {
	struct record_header header;
	struct record_process process; /* the child */
	__u32 parent_pid;
	__u32 flags;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct process_fork_record) == 40, "process_fork_record");

struct process_exit_record {
	struct record_header header;
	struct record_process process;
	__u32 exit_code; /* as wait(2) encodes it */
	__u32 flags;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct process_exit_record) == 40, "process_exit_record");
