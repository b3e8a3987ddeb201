// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long targets wait for page faults that have to read from a disk.
#include "lib/kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Every fault begins here, and few are major: all there is for others than targets is a test of one bit. */
static __always_inline int fault__begin(void)
{
	struct task_state *state = task_state__of_target(bpf_get_current_task_btf());

	if (state)
		state->fault_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(tp_btf__page_fault_user)
{
	return fault__begin();
}

/* A system call that touches the process's memory. */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(tp_btf__page_fault_kernel)
{
	return fault__begin();
}

/* PERF_COUNT_SW_PAGE_FAULTS_MAJ, every one: the kernel counts a fault when it is over, however often it was tried again. */
SEC("perf_event")
int perf_event__major_fault(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_key key = { .signal = SIGNAL_FAULT, .label = FAULT_MAJOR };
	struct task_state *state;

	state = task_state__of_target(task);
	if (!state || !state->fault_ns)
		return 0;
	key.owner = owner__of_target(task, state);
	signal__observe(&key, bpf_ktime_get_ns() - state->fault_ns);
	state->fault_ns = 0;
	return 0;
}
