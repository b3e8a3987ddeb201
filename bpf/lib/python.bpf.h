/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Python frames of a thread, behind its native ones: records/python.h. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/unwind_tables.bpf.h"
#include "records/python.h"

/* Of spaces with UNWIND_SPACE_PYTHON. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct python_space);
} python_spaces SEC(".maps");

struct python_walk {
	u64 frame; /* to be read next */
	u64 code;
	u64 at;    /* its instruction, in bytes */
	u64 frame_words[PYTHON_FRAME_WORDS];
	u64 code_words[PYTHON_FRAME_WORDS];
	u32 is_entry;
	u32 count;
	struct python_layout layout;
	u32 reserved;
};

/* As many as profile_scratch has, one for a thread that is not the current one, and one for who wakes another. */
enum python_scratch {
	PYTHON_SCRATCH_OTHER = 2,
	PYTHON_SCRATCH_WAKER,
	PYTHON_SCRATCH_COUNT
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PYTHON_SCRATCH_COUNT);
	__type(key, u32);
	__type(value, struct python_walk);
} python_scratch SEC(".maps");

/* Of what was read. */
static __always_inline u64 python__word(const u64 *words, u32 offset)
{
	return words[(offset >> 3) & (PYTHON_FRAME_WORDS - 1)];
}

static __always_inline u32 python__half(const u64 *words, u32 offset)
{
	return (u32)(python__word(words, offset) >> ((offset & 4) * 8));
}

static __always_inline u32 python__byte(const u64 *words, u32 offset)
{
	return (u32)(python__word(words, offset) >> ((offset & 7) * 8)) & 0xff;
}

/* 0: no such version. A copy, and masks instead of comparisons: the verifier, that of 6.1 above all, forgets bounds of what
 * the compiler moves to the stack or calculates with. */
__noinline int python__begin(struct python_walk *walk, u32 version)
{
	if (!walk)
		return 0;
	walk->layout = python_layouts[version & (PYTHON_LAYOUTS - 1)];
	return walk->layout.code_size != 0;
}

/* What frame_words say. 0: no code object is to be read for it. */
__noinline int python__decode_frame(struct python_walk *walk)
{
	const struct python_layout *layout;
	u64 at;

	if (!walk)
		return 0;
	layout = &walk->layout;
	walk->code = python__word(walk->frame_words, layout->frame_code);
	walk->frame = python__word(walk->frame_words, layout->frame_previous);
	at = python__word(walk->frame_words, layout->frame_at);
	if (layout->code_instructions)
		walk->at = at - walk->code - layout->code_instructions;
	else
		walk->at = (u64)(long)(int)at * layout->at_unit;
	walk->is_entry = 1;
	if (layout->entry == PYTHON_ENTRY_FLAG)
		walk->is_entry = python__byte(walk->frame_words, layout->frame_entry) != 0;
	else if (layout->entry == PYTHON_ENTRY_SHIM)
		walk->is_entry = python__byte(walk->frame_words, layout->frame_entry) == PYTHON_OWNED_BY_CSTACK;
	return layout->entry == PYTHON_ENTRY_SHIM && walk->is_entry ? 0 : 1;
}

/* The frame at hand behind those that are in `state`. 0: there is no room. */
__noinline int python__add_frame(struct unwind_state *state, struct python_walk *walk)
{
	const struct python_layout *layout;
	u32 index, check;

	if (!state || !walk)
		return 0;
	layout = &walk->layout;
	index = state->frames_count;
	if (walk->count >= PYTHON_FRAMES_MAX || index >= PROFILE_WORDS_MAX - 1)
		return 0;
	check = python_code_check(python__half(walk->code_words, layout->code_first_line),
				  python__word(walk->code_words, layout->code_name));
	state->frames[index] = (walk->code & PYTHON_FRAME_CODE_MASK) | (walk->is_entry ? PYTHON_FRAME_ENTRY : 0);
	state->frames[index + 1] = (u32)walk->at | (u64)check << 32;
	state->frames_count = index + 2;
	walk->count++;
	return 1;
}

/* A frame that the C stack owns: what was before it was called by C. 0: there is no room. */
__noinline int python__add_shim(struct unwind_state *state, struct python_walk *walk)
{
	u32 index;

	if (!state || !walk)
		return 0;
	index = state->frames_count;
	if (walk->count && index >= 2 && index < PROFILE_WORDS_MAX && !(state->frames[index - 2] & PYTHON_FRAME_ENTRY)) {
		state->frames[index - 2] |= PYTHON_FRAME_ENTRY;
		return 1;
	}
	if (walk->count >= PYTHON_FRAMES_MAX || index >= PROFILE_WORDS_MAX - 1)
		return 0;
	state->frames[index] = PYTHON_FRAME_ENTRY;
	state->frames[index + 1] = 0;
	state->frames_count = index + 2;
	walk->count++;
	return 1;
}

/* `other`: of a thread that is not the current one, in a program that may sleep. */
static __always_inline long python__read(struct task_struct *task, void *to, u32 bytes, u64 from, const bool other)
{
	if (other)
		return bpf_copy_from_user_task(to, bytes, (const void *)from, task, 0);
	return bpf_probe_read_user(to, bytes, (const void *)from);
}

static __always_inline u32 python__walk_frames(struct unwind_state *state, struct python_walk *walk,
					       struct task_struct *task, const bool other)
{
	const struct python_layout *layout = &walk->layout;

	/* A shim is no frame: as many of them as there are frames at most. */
	for (int i = 0; i < 2 * PYTHON_FRAMES_MAX; ++i) {
		if (!walk->frame)
			return PYTHON_COMPLETE;
		if (python__read(task, walk->frame_words, layout->frame_bytes & PYTHON_FRAME_BYTES_MASK,
				 walk->frame + layout->frame_start, other))
			return PYTHON_MEMORY_FAULT;
		if (!python__decode_frame(walk)) {
			if (!python__add_shim(state, walk))
				return PYTHON_TRUNCATED;
			continue;
		}
		if (python__read(task, walk->code_words, layout->code_bytes & PYTHON_FRAME_BYTES_MASK,
				 walk->code + layout->code_start, other))
			return PYTHON_MEMORY_FAULT;
		if (!python__add_frame(state, walk))
			return PYTHON_TRUNCATED;
	}
	return PYTHON_TRUNCATED;
}

#if defined(__TARGET_ARCH_x86)
/* The thread's PyThreadState; else why not. */
static __always_inline u32 python__thread_state(struct task_struct *task, const struct python_space *space,
						u64 *thread_state, const bool other)
{
	struct {
		s32 is_initialized;
		u32 number;
	} key = {};
	u64 thread = task->thread.fsbase;
	u64 values = thread + PYTHON_GLIBC_DATA;

	if (python__read(task, &key, sizeof(key), space->key_address, other))
		return PYTHON_MEMORY_FAULT;
	if (!key.is_initialized || !thread)
		return PYTHON_NO_THREAD;
	if (space->library == PYTHON_MUSL) {
		if (key.number >= PYTHON_MUSL_KEYS)
			return PYTHON_KEY;
		if (python__read(task, &values, sizeof(values), thread + PYTHON_MUSL_TSD, other))
			return PYTHON_MEMORY_FAULT;
		values += key.number * sizeof(u64);
	} else {
		if (key.number >= PYTHON_GLIBC_KEYS)
			return PYTHON_KEY;
		values += key.number * (u64)PYTHON_GLIBC_KEY_BYTES;
	}
	if (python__read(task, thread_state, sizeof(*thread_state), values, other))
		return PYTHON_MEMORY_FAULT;
	return *thread_state ? PYTHON_COMPLETE : PYTHON_NO_THREAD;
}

static __always_inline u32 python__walk(struct unwind_state *state, struct python_walk *walk,
					struct task_struct *task, const struct python_space *space, const bool other)
{
	const struct python_layout *layout = &walk->layout;
	u64 thread_state = 0, thread_id = 0;
	u32 outcome = python__thread_state(task, space, &thread_state, other);

	if (outcome != PYTHON_COMPLETE)
		return outcome;
	if (!python__begin(walk, space->version))
		return PYTHON_LAYOUT;
	/* pthread_self(): if that is not where it should be, nothing else is. */
	if (python__read(task, &thread_id, sizeof(thread_id), thread_state + layout->thread_id, other))
		return PYTHON_MEMORY_FAULT;
	if (thread_id != task->thread.fsbase)
		return PYTHON_LAYOUT;
	if (python__read(task, &walk->frame, sizeof(walk->frame), thread_state + layout->thread_frame, other))
		return PYTHON_MEMORY_FAULT;
	if (layout->cframe_frame != PYTHON_NO_CFRAME && walk->frame &&
	    python__read(task, &walk->frame, sizeof(walk->frame), walk->frame + layout->cframe_frame, other))
		return PYTHON_MEMORY_FAULT;
	return python__walk_frames(state, walk, task, other);
}
#else
static __always_inline u32 python__walk(struct unwind_state *state, struct python_walk *walk,
					struct task_struct *task, const struct python_space *space, const bool other)
{
	return PYTHON_NOT_WALKED;
}
#endif

/* `number`: of the space that served the thread. Nothing may be added to the native frames any more. */
static __always_inline void python__append(struct unwind_state *state, struct task_struct *task, u64 number, u32 scratch,
					   const bool other)
{
	const struct python_space *space = bpf_map_lookup_elem(&python_spaces, &number);
	struct python_walk *walk = bpf_map_lookup_elem(&python_scratch, &scratch);

	if (!space || !walk)
		return;
	walk->count = 0;
	state->record.python_outcome = (u8)python__walk(state, walk, task, space, other);
	state->record.python_frames = (u16)walk->count;
	state->record.python_version = (u16)space->version;
}
