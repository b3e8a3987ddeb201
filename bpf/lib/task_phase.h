/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a thread is at, for whoever follows the scheduler's hooks. */
#pragma once

enum task_phase {
	TASK_UNKNOWN,   /* was there before us and has not been switched yet */
	TASK_RUNS,
	TASK_BLOCKED,   /* since since_ns */
	TASK_WOKEN,     /* was blocked from since_ns to runnable_ns, waits for a CPU since */
	TASK_RUNNABLE,  /* waits for a CPU since runnable_ns, without having slept before: new */
	TASK_PREEMPTED, /* the same, because somebody else took the CPU */
};
