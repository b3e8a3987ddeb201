/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One sample of the current thread: kernel stack, user stack, and out. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/profile_processes.bpf.h"
#include "lib/python.bpf.h"
#include "lib/v8.bpf.h"

/* The loader makes room for a second of samples; the reader polls. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} profile_ring SEC(".maps");

/* What samples a CPU may interrupt a program of a tracepoint, but not itself. */
enum profile_scratch {
	PROFILE_SCRATCH_SAMPLER,
	PROFILE_SCRATCH_TRACEPOINT,
	PROFILE_SCRATCH_COUNT
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROFILE_SCRATCH_COUNT);
	__type(key, u32);
	__type(value, struct unwind_state);
} profile_scratch SEC(".maps");

#if defined(__TARGET_ARCH_x86)
enum {
	USER_CS_32 = 0x23, /* __USER32_CS, arch/x86/include/asm/segment.h */
	NR_EXECVE = 59, /* arch/x86/entry/syscalls/syscall_64.tbl */
	NR_EXECVEAT = 322,
};

/* The registers that the thread came into the kernel with, by whatever way: each leaves them at the same place. */
static __always_inline u64 registers__read(struct unwind_state *state, const struct pt_regs *regs)
{
	state->registers[UNWIND_RAX] = regs->ax;
	state->registers[UNWIND_RDX] = regs->dx;
	state->registers[UNWIND_RCX] = regs->cx;
	state->registers[UNWIND_RBX] = regs->bx;
	state->registers[UNWIND_RSI] = regs->si;
	state->registers[UNWIND_RDI] = regs->di;
	state->registers[UNWIND_RBP] = regs->bp;
	state->registers[UNWIND_RSP] = regs->sp;
	state->registers[UNWIND_R8] = regs->r8;
	state->registers[UNWIND_R9] = regs->r9;
	state->registers[10] = regs->r10;
	state->registers[11] = regs->r11;
	state->registers[12] = regs->r12;
	state->registers[13] = regs->r13;
	state->registers[14] = regs->r14;
	state->registers[UNWIND_R15] = regs->r15;
	return regs->ip;
}
#endif

/* Those that the worker may still make whole. */
static __always_inline bool outcome__may_mend(u8 outcome)
{
	return outcome == PROFILE_NOT_READY || outcome == PROFILE_NO_MAPPING || outcome == PROFILE_NO_TABLE;
}

/* How many raw stacks a CPU may send in a second: they are 40 times as large as a sample. */
const volatile __u32 profile_raw_per_second = 16;

struct raw_budget {
	u32 second;
	u32 sent;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct raw_budget);
} profile_raw_budget SEC(".maps");

static __always_inline bool raw__may_send(struct profile_process *process, u32 now_s)
{
	u32 zero = 0;
	struct raw_budget *budget = bpf_map_lookup_elem(&profile_raw_budget, &zero);

	if (!budget || process->raw_sent >= PROFILE_RAW_IN_A_ROW)
		return false;
	if (budget->second != now_s) {
		budget->second = now_s;
		budget->sent = 0;
	}
	if (budget->sent >= profile_raw_per_second)
		return false;
	budget->sent++;
	process->raw_sent++;
	return true;
}

/* A quarter of the ring is for samples alone. */
static __always_inline bool raw__has_room(void)
{
	return bpf_ringbuf_query(&profile_ring, BPF_RB_AVAIL_DATA) <
	       bpf_ringbuf_query(&profile_ring, BPF_RB_RING_SIZE) / 4 * 3;
}

/* Whole pages: their sizes and places are constants, as the verifier likes it. */
static __always_inline u32 raw__copy_stack(u8 *to, u64 start)
{
	u32 bytes = 0;

#pragma unroll
	for (u32 page = 0; page < PROFILE_STACK_PAGES; ++page) {
		if (bpf_probe_read_user(to + page * PROFILE_STACK_PAGE, PROFILE_STACK_PAGE,
					(const void *)(start + page * PROFILE_STACK_PAGE)))
			break;
		bytes += PROFILE_STACK_PAGE;
	}
	return bytes;
}

static __always_inline void raw__describe(struct profile_raw_record *raw, const struct unwind_state *state,
					  const struct profile_process *process, u64 pc, u32 bytes)
{
	raw->header = state->record.header;
	raw->header.type = RECORD_PROFILE_RAW;
	raw->header.size = sizeof(*raw) + bytes;
	raw->process = state->record.process;
	raw->space = process->space;
	raw->inherited = process->inherited;
	raw->pc = pc;
	__builtin_memcpy(raw->registers, state->registers, sizeof(raw->registers));
}

/* `state->registers` are as they were at the beginning. */
static __always_inline bool raw__send(struct unwind_state *state, const struct profile_process *process, u64 pc)
{
	struct profile_raw_record *raw = NULL;
	u32 bytes;

	if (raw__has_room())
		raw = bpf_ringbuf_reserve(&profile_ring, sizeof(*raw) + PROFILE_STACK_PAGES * PROFILE_STACK_PAGE, 0);
	if (!raw)
		return false;
	raw->stack_start = state->registers[UNWIND_RSP] & ~(u64)(PROFILE_STACK_PAGE - 1);
	bytes = raw__copy_stack((u8 *)(raw + 1), raw->stack_start);
	if (!bytes) {
		bpf_ringbuf_discard(raw, BPF_RB_NO_WAKEUP);
		return false;
	}
	raw__describe(raw, state, process, pc, bytes);
	bpf_ringbuf_submit(raw, BPF_RB_NO_WAKEUP);
	return true;
}

static __always_inline void sample__mend(struct unwind_state *state, struct profile_process *process, u64 pc)
{
	if (!raw__may_send(process, state->now_s) || !raw__send(state, process, pc)) {
		profile_book__add(PROFILE_BOOK_RAW_LOST);
		return;
	}
	profile_book__add(PROFILE_BOOK_RAW);
	state->record.flags |= PROFILE_SAMPLE_RAW;
}

static __always_inline void sample__unwind(struct unwind_state *state, u64 pc)
{
	unwind__begin(state, pc);
	/* The step is looked at once by the verifier, so this loop costs it next to nothing, on every kernel. */
	for (int i = 0; i <= UNWIND_FRAMES_MAX; ++i)
		if (!unwind__step(state))
			break;
}

static __always_inline void sample__know_java(struct unwind_state *state, u64 number)
{
	const struct hotspot_space *hotspot = bpf_map_lookup_elem(&hotspot_spaces, &number);

	if (hotspot)
		state->hotspot = *hotspot;
	else
		state->space_flags &= ~UNWIND_SPACE_HOTSPOT;
}

static __always_inline void sample__user_stack(struct unwind_state *state, struct task_struct *task, u32 scratch)
{
	u8 *outcome = &state->record.outcome;
#if defined(__TARGET_ARCH_x86)
	struct profile_process *process;
	struct unwind_space *space;
	const struct pt_regs *regs;
	u32 pid = task->tgid;
	u64 pc, number;

	state->now_s = (u32)(state->record.header.time_ns / 1000000000);

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
	number = process->space;
	space = bpf_map_lookup_elem(&unwind_spaces, &number);
	if (!space && process->inherited) {
		number = process->inherited;
		space = bpf_map_lookup_elem(&unwind_spaces, &number);
	}
	if (!space) {
		notice__of_sample(task, process, 0, pc, 0, PROFILE_NOTICE_PROCESS);
		sample__mend(state, process, pc);
		return;
	}
	state->space_first = space->first;
	state->space_count = space->count;
	state->space_flags = (u8)space->flags;
	if (state->space_flags & UNWIND_SPACE_HOTSPOT)
		sample__know_java(state, number);
	state->v8 = space->v8;
	sample__unwind(state, pc);
	/* Half way through an exec the stack is gone, and the registers are the old program's. */
	if (*outcome == PROFILE_MEMORY_FAULT && (regs->orig_ax == NR_EXECVE || regs->orig_ax == NR_EXECVEAT))
		*outcome = PROFILE_EXITING;
	if (state->failed_at)
		notice__of_sample(task, process, state->space_first, state->failed_at, 0, PROFILE_NOTICE_ADDRESS);
	else if (state->failed_executable)
		notice__of_sample(task, process, state->space_first, 0, state->failed_executable, PROFILE_NOTICE_TABLE);
	if (outcome__may_mend(*outcome)) {
		registers__read(state, regs);
		sample__mend(state, process, pc);
	}
	if (state->space_flags & UNWIND_SPACE_PYTHON)
		python__append(state, task, number, scratch, false);
	if (state->space_flags & UNWIND_SPACE_V8)
		v8__append(state);
#else
	*outcome = PROFILE_UNSUPPORTED;
#endif
}

/* From our program to what the tick's interrupt came into: 14 on Linux 6.18. */
enum { PROFILE_INTERRUPT_FRAMES_MAX = 32 };

/* `skip`: frames of ours, before those of the thread. */
static __always_inline void sample__kernel_stack(struct unwind_state *state, void *context, u64 skip)
{
	long bytes = bpf_get_stack(context, state->frames, PROFILE_KERNEL_FRAMES_MAX * sizeof(u64), skip);

	if (bytes <= 0)
		return;
	state->record.kernel_frames = (u16)((u64)bytes / sizeof(u64));
	state->frames_count = state->record.kernel_frames;
}

/* False: no room, which is counted. */
static __always_inline bool sample__send(struct unwind_state *state)
{
	struct profile_sample_record *record = &state->record;
	u32 frames = state->frames_count;

	profile_book__add(PROFILE_BOOK_SAMPLES);
	profile_book__add(record->outcome);
	if (record->flags & PROFILE_SAMPLE_GUESSED)
		profile_book__add(PROFILE_BOOK_GUESSED);
	profile_book__add(PROFILE_BOOK_PYTHON + record->python_outcome);
	if (frames > PROFILE_WORDS_MAX)
		return false; /* never: for the verifier */
	record->header.size = sizeof(*record) + frames * sizeof(u64);
	if (!bpf_ringbuf_output(&profile_ring, record, sizeof(*record) + frames * sizeof(u64), BPF_RB_NO_WAKEUP))
		return true;
	profile_book__add(PROFILE_BOOK_RING_FULL);
	return false;
}

/* Everything but weight, cause and stack. */
static __always_inline void sample__begin(struct unwind_state *state, struct task_struct *task)
{
	struct profile_sample_record *record = &state->record;

	record->header.time_ns = bpf_ktime_get_ns();
	record->header.type = RECORD_PROFILE_SAMPLE;
	record->header.cpu = (u16)bpf_get_smp_processor_id();
	record->process.start_boottime_ns = task->group_leader->start_boottime;
	record->process.pid = task->tgid;
	record->process.tid = task->pid;
	record->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	record->kernel_frames = 0;
	record->user_frames = 0;
	record->flags = 0;
	record->python_outcome = PYTHON_NOT_WALKED;
	record->python_frames = 0;
	record->python_version = PYTHON_UNKNOWN;
	record->v8_frames = 0;
	state->frames_count = 0;
}

/* A context of a tracepoint begins at the tracepoint: what the interrupt has put on the stack is not the thread's. */
static __always_inline void sample__interrupted_kernel_stack(struct unwind_state *state, void *context, u64 pc)
{
	long bytes = bpf_get_stack(context, state->frames, PROFILE_INTERRUPT_FRAMES_MAX * sizeof(u64), 0);

	for (u32 i = 0; i < PROFILE_INTERRUPT_FRAMES_MAX; ++i) {
		if ((long)((i + 1) * sizeof(u64)) > bytes)
			return;
		if (state->frames[i] != pc)
			continue;
		sample__kernel_stack(state, context, i);
		return;
	}
}

/* `in_kernel`: the thread was interrupted there, or is in a program's hook. `pc`: where, of a context that is not that of
 * the interrupted code; 0: it is. */
static __always_inline int sample__take(void *context, struct task_struct *task, u32 scratch, u64 weight, bool in_kernel,
					u64 pc)
{
	struct unwind_state *state = bpf_map_lookup_elem(&profile_scratch, &scratch);

	if (!state)
		return 0;
	sample__begin(state, task);
	state->record.weight = weight;
	state->record.cause = 0;
	if (pc)
		sample__interrupted_kernel_stack(state, context, pc);
	else if (in_kernel)
		sample__kernel_stack(state, context, 0);
	sample__user_stack(state, task, scratch);
	sample__send(state);
	return 0;
}
