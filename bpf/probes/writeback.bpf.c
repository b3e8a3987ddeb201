// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long the kernel takes to write a changed file back to its disk, when nobody waits for it: the pages of one file, handed
// to the disk's queue. A slow disk fills that queue, and then this takes long before any program feels it.
#include "lib/kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What fsync and its like write themselves is in hostlens.fsync.duration. */
static __always_inline struct task_state *state_of_flusher(struct task_struct *task)
{
	return task->flags & PF_KTHREAD ? task_state__find(task) : NULL;
}

SEC("tp_btf/writeback_single_inode_start")
int BPF_PROG(tp_btf__writeback_single_inode_start)
{
	struct task_state *state = state_of_flusher(bpf_get_current_task_btf());

	if (state)
		state->sync_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/writeback_single_inode")
int BPF_PROG(tp_btf__writeback_single_inode, struct inode *inode)
{
	struct task_state *state = state_of_flusher(bpf_get_current_task_btf());
	struct signal_key key = { .owner = SIGNAL_OWNER_KERNEL, .signal = SIGNAL_WRITEBACK };

	if (!state || !state->sync_ns)
		return 0;
	key.detail = inode->i_sb->s_dev;
	signal__observe(&key, bpf_ktime_get_ns() - state->sync_ns);
	state->sync_ns = 0;
	return 0;
}
