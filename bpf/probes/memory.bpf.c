// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long threads that want memory have to free some first, and who was killed because none was left.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/oom.bpf.h"
#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* None of these comes within another: who frees memory is given what he needs from the reserves. */
static __always_inline int stall__begin(void)
{
	struct task_state *state = task_state__find(bpf_get_current_task_btf());

	if (state)
		state->stall_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int stall__end(u16 type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state__find(task);
	struct signal_key key = { .signal = SIGNAL_RECLAIM_STALL, .label = type };

	if (!state || !state->stall_ns)
		return 0;
	key.owner = owner__of(task, state);
	signal__observe(&key, bpf_ktime_get_ns() - state->stall_ns);
	state->stall_ns = 0;
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(tp_btf__direct_reclaim_begin)
{
	return stall__begin();
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(tp_btf__direct_reclaim_end)
{
	return stall__end(STALL_DIRECT);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(tp_btf__memcg_reclaim_begin)
{
	return stall__begin();
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(tp_btf__memcg_reclaim_end)
{
	return stall__end(STALL_MEMCG);
}

/* kcompactd does it ahead of need: nobody waits. */
SEC("tp_btf/mm_compaction_begin")
int BPF_PROG(tp_btf__compaction_begin)
{
	return bpf_get_current_task_btf()->flags & PF_KTHREAD ? 0 : stall__begin();
}

SEC("tp_btf/mm_compaction_end")
int BPF_PROG(tp_btf__compaction_end)
{
	return stall__end(STALL_COMPACTION);
}

SEC("tp_btf/mark_victim")
int BPF_PROG(tp_btf__mark_victim, struct task_struct *victim)
{
	u64 owner = owner__find(victim);
	struct oom_kill *kill = oom_kill__next(owner, victim->pid);

	if (kill)
		oom_kill__of_task(kill, victim);
	oom_kill__finish(kill);
	return 0;
}

/* Before Linux 6.9 (6.1.113, 6.6.55) only the number is told. Whose it is is known where who asked is chosen himself. */
SEC("tp_btf/mark_victim")
int BPF_PROG(tp_btf__mark_victim_by_pid, int pid)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool itself = task->pid == pid || task->tgid == pid;
	struct oom_kill *kill = oom_kill__next(itself ? owner__find(task) : SIGNAL_OWNER_HOST, pid);

	if (kill && itself)
		oom_kill__of_task(kill, task);
	oom_kill__finish(kill);
	return 0;
}
