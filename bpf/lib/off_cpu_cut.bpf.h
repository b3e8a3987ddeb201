/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The end of a recording: threads that are off CPU still. Their memory is not at hand in the kernel, so the worker
 * unwinds them from a copy of the stack. Sleepable: pages may be fetched. */
#pragma once

#include "lib/off_cpu_thread.bpf.h"

/* One iterator at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unwind_state);
} off_cpu_cut_scratch SEC(".maps");

#if defined(__TARGET_ARCH_x86)
static __always_inline u32 cut__copy_stack(struct task_struct *task, u8 *to, u64 start)
{
	u32 bytes = 0;

#pragma unroll
	for (u32 page = 0; page < PROFILE_STACK_PAGES; ++page) {
		if (bpf_copy_from_user_task(to + page * PROFILE_STACK_PAGE, PROFILE_STACK_PAGE,
					    (const void *)(start + page * PROFILE_STACK_PAGE), task, 0))
			break;
		bytes += PROFILE_STACK_PAGE;
	}
	return bytes;
}

static __always_inline bool cut__send_raw(struct unwind_state *state, struct task_struct *task,
					  const struct profile_process *process, u64 pc)
{
	struct profile_raw_record *raw = NULL;
	u32 bytes;

	if (raw__has_room())
		raw = bpf_ringbuf_reserve(&profile_ring, sizeof(*raw) + PROFILE_STACK_PAGES * PROFILE_STACK_PAGE, 0);
	if (!raw)
		return false;
	raw->stack_start = state->registers[UNWIND_RSP] & ~(u64)(PROFILE_STACK_PAGE - 1);
	bytes = cut__copy_stack(task, (u8 *)(raw + 1), raw->stack_start);
	raw__describe(raw, state, process, pc, bytes);
	bpf_ringbuf_submit(raw, BPF_RB_NO_WAKEUP);
	return true;
}
#endif

static __always_inline void cut__python_frames(struct unwind_state *state, struct task_struct *task,
					       const struct profile_process *process)
{
	u64 number = process->space;

	if (!bpf_map_lookup_elem(&unwind_spaces, &number))
		number = process->inherited;
	python__append(state, task, number, PYTHON_SCRATCH_OTHER, true);
}

static __always_inline void cut__user_stack(struct unwind_state *state, struct task_struct *task)
{
	u8 *outcome = &state->record.outcome;
#if defined(__TARGET_ARCH_x86)
	struct profile_process *process;
	const struct pt_regs *regs;
	u32 pid = task->tgid;
	u64 pc;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER)) {
		*outcome = PROFILE_KERNEL_THREAD;
		return;
	}
	regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	pc = registers__read(state, regs);
	if (!task->mm || !pc) {
		*outcome = PROFILE_EXITING;
		return;
	}
	if (regs->cs == USER_CS_32) {
		*outcome = PROFILE_COMPAT;
		return;
	}
	*outcome = PROFILE_NOT_READY;
	process = bpf_map_lookup_elem(&profile_processes, &pid);
	if (!process || process->start_boottime_ns != task->group_leader->start_boottime)
		return;
	cut__python_frames(state, task, process);
	if (!cut__send_raw(state, task, process, pc)) {
		profile_book__add(PROFILE_BOOK_RAW_LOST);
		return;
	}
	profile_book__add(PROFILE_BOOK_RAW);
	state->record.flags |= PROFILE_SAMPLE_RAW;
#else
	*outcome = PROFILE_UNSUPPORTED;
#endif
}

/* How long a thread that went to sleep has waited for a CPU again, at the end. Its time in the run queue is in the clock of run
 * queues, as is that of its last arrival on a CPU, which we saw. One that slept all the time until now tells no such pair. */
static __always_inline u64 cut__waited_ns(const struct task_struct *task, const struct off_cpu_thread *thread)
{
	u64 queued_ns = task->sched_info.last_queued;

	/* Whoever has run since then came back after the end. */
	if (!queued_ns || !thread->came_ns || task->se.sum_exec_runtime != thread->ran_ns)
		return 0;
	queued_ns += thread->came_ns - task->sched_info.last_arrival;
	return queued_ns < off_cpu_end_ns ? off_cpu_end_ns - queued_ns : 0;
}

static __always_inline void cut__measure(const struct task_struct *task, const struct off_cpu_thread *thread, u64 *sleep_ns,
					 u64 *wait_ns)
{
	u64 off_ns = 0, waited_ns = 0;

	if (thread->phase == OFF_CPU_UNKNOWN)
		off_ns = off_cpu_end_ns - off_cpu_begin_ns;
	else if (thread->phase != OFF_CPU_RUNS && thread->since_ns < off_cpu_end_ns)
		off_ns = off_cpu_end_ns - thread->since_ns;
	if (thread->phase == OFF_CPU_BLOCKED)
		waited_ns = cut__waited_ns(task, thread);
	off_cpu__divide(thread->phase, off_ns, waited_ns, sleep_ns, wait_ns);
}

static __always_inline int off_cpu__cut(struct task_struct *task)
{
	u32 zero = 0;
	struct off_cpu_thread *thread = off_cpu__find(task);
	struct unwind_state *state = bpf_map_lookup_elem(&off_cpu_cut_scratch, &zero);
	bool sleeps, waits;
	u64 sleep_ns, wait_ns;
	long bytes;

	if (!thread || !state || thread->phase == OFF_CPU_ENDED)
		return 0;
	cut__measure(task, thread, &sleep_ns, &wait_ns);
	sleeps = off_cpu__owe(thread, OFF_CPU_SLEEP, sleep_ns);
	waits = off_cpu__owe(thread, OFF_CPU_WAIT, wait_ns);
	sample__begin(state, task);
	if (sleeps || waits) {
		bytes = bpf_get_task_stack(task, state->frames, PROFILE_KERNEL_FRAMES_MAX * sizeof(u64), 0);
		if (bytes > 0) {
			state->record.kernel_frames = (u16)((u64)bytes / sizeof(u64));
			state->frames_count = state->record.kernel_frames;
		}
		cut__user_stack(state, task);
		if (sleeps)
			off_cpu__send(state, &thread->parts[OFF_CPU_SLEEP].owed_ns, thread->cause);
		if (waits)
			off_cpu__send(state, &thread->parts[OFF_CPU_WAIT].owed_ns, PROFILE_CAUSE_RUNQUEUE);
	}
	off_cpu__send_rest(state, thread);
	return 0;
}
