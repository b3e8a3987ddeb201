// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The state that every thread has with us, whom it belongs to, and programs executed and ended. What discovery is told of
// processes comes from the socket probe's rings.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* cgroups whose processes are one service, whatever they execute: a unit's, a container's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} service_cgroups SEC(".maps");

static __always_inline u64 owner__of_program(struct task_struct *task)
{
	u64 cgroup = owner__of_cgroup(task);

	return bpf_map_lookup_elem(&service_cgroups, &cgroup) ? cgroup : owner__of_process(task);
}

static __always_inline void signal__count_of(u64 owner, u16 signal, u16 label, u32 detail)
{
	struct signal_key key = { .owner = owner, .signal = signal, .label = label, .detail = detail };

	signal__count(&key, 1);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_state *state = bpf_task_storage_get(&task_states, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (state && targets__contains(parent->tgid))
		state->owner = owner__of_target(parent, task_state__find(parent));
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf__sched_process_exec, struct task_struct *task)
{
	struct task_state *state = task_state__find(task);

	if (state)
		state->owner = targets__contains(task->tgid) ? owner__of_program(task) : 0;
	signal__count_of(owner__of(task, state), SIGNAL_EXECS, 0, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_btf__sched_process_exit, struct task_struct *task)
{
	struct signal_key key = { .signal = SIGNAL_LIFETIME };
	u32 code = task->exit_code;

	/* do_exit() has counted this thread out already: 0 is the last one. */
	if (task->signal->live.counter != 0)
		return 0;
	/* Before the socket probe's hook, which lets go of a target: it is attached later. */
	key.owner = owner__of(task, task_state__find(task));
	signal__observe(&key, bpf_ktime_get_boot_ns() - task->group_leader->start_boottime);
	/* As wait(2) encodes it: 7 bits of signal, 1 of core dumped, then the status. */
	if (code & 0x7f)
		signal__count_of(key.owner, SIGNAL_EXITS, code & 0x80 ? EXIT_DUMPED : EXIT_SIGNALED, code & 0x7f);
	else
		signal__count_of(key.owner, SIGNAL_EXITS, EXIT_EXITED, code >> 8 & 0xff);
	return 0;
}

/* Run once, after the hook of fork is there. */
SEC("iter/task")
int iter__task(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (task)
		bpf_task_storage_get(&task_states, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}
