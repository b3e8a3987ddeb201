/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fork, exec and exit: targets are inherited and let go here, and userspace is told. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/rings.bpf.h"
#include "lib/targets.bpf.h"
#include "records/process.h"

/* Discovery wants every exec and exit; `run` only those of its targets. */
const volatile bool report_all_processes = true;

static __always_inline void process__fill(struct record_process *process, struct task_struct *task)
{
	process->start_boottime_ns = task->group_leader->start_boottime;
	process->pid = task->tgid;
	process->tid = task->pid;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_fork_record *record;

	if (child->pid != child->tgid || !targets__contains(parent->tgid))
		return 0;
	targets__add(child->tgid);
	record = control__reserve(sizeof(*record));
	if (!record)
		return 0;
	header__fill(&record->header, RECORD_PROCESS_FORK, sizeof(*record));
	process__fill(&record->process, child);
	record->parent_pid = parent->tgid;
	record->flags = PROCESS_IS_TARGET;
	control__submit(record);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf__sched_process_exec, struct task_struct *task)
{
	struct process_exec_record *record;
	bool target = targets__contains(task->tgid);

	if (!target && targets__wants_current_cgroup()) {
		targets__add(task->tgid);
		target = true;
	}
	if (!target && !report_all_processes)
		return 0;
	record = control__reserve(sizeof(*record));
	if (!record)
		return 0;
	header__fill(&record->header, RECORD_PROCESS_EXEC, sizeof(*record));
	process__fill(&record->process, task);
	record->cgroup_id = bpf_get_current_cgroup_id();
	record->parent_pid = task->real_parent->tgid;
	record->flags = target ? PROCESS_IS_TARGET : 0;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	/* Such a process may live for milliseconds: whoever wants to read its /proc must be quick. Next to an
	 * exec a wake-up is cheap. */
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_btf__sched_process_exit, struct task_struct *task)
{
	struct process_exit_record *record;
	bool target;

	/* do_exit() has counted this thread out already: 0 is the last one. */
	if (task->signal->live.counter != 0)
		return 0;
	target = targets__contains(task->tgid);
	if (target)
		targets__remove(task->tgid); /* before the kernel may give the number away again */
	if (!target && !report_all_processes)
		return 0;
	record = control__reserve(sizeof(*record));
	if (!record)
		return 0;
	header__fill(&record->header, RECORD_PROCESS_EXIT, sizeof(*record));
	process__fill(&record->process, task);
	record->exit_code = task->exit_code;
	record->flags = target ? PROCESS_IS_TARGET : 0;
	control__submit(record);
	return 0;
}
