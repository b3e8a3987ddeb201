/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waits of targets for a file to be on its disk: fsync, fdatasync, msync, writes with O_SYNC. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

static __always_inline int sync__begin(void)
{
	struct task_state *state = task_state__of_target(bpf_get_current_task_btf());

	if (state)
		state->sync_ns = bpf_ktime_get_ns();
	return 0;
}

/* A file system on top of another calls that one's: the innermost is counted, and its end ends them all. */
static __always_inline int sync__end(struct inode *inode, int result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_key key = { .signal = SIGNAL_FSYNC, .label = result < 0 ? -result : 0 };
	struct task_state *state;

	state = task_state__of_target(task);
	if (!state || !state->sync_ns)
		return 0;
	key.owner = owner__of_target(task, state);
	key.detail = inode->i_sb->s_dev;
	signal__observe(&key, bpf_ktime_get_ns() - state->sync_ns);
	state->sync_ns = 0;
	return 0;
}
