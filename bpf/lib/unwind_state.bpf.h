/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frame at hand of the unwinder and what all ways to its caller need: the mapping, the registers, frame pointers. For
 * lib/unwind.bpf.h, whose includer declares what is used here. */
#pragma once

#include "records/profile.h"

enum unwind_value_at {
	UNWIND_VALUE = 0,   /* it is the value */
	UNWIND_ADDRESS = 1, /* it is where the value is in memory: seldom needed, so not read before */
	UNWIND_LOST = 2,
};

enum unwind_registers {
	UNWIND_REGISTERS_NONE = 0,
	UNWIND_REGISTERS_HERE = 1,    /* in registers[] */
	UNWIND_REGISTERS_CONTEXT = 2, /* in memory, at `context` */
};

enum { UNWIND_V8_ROOM = 256 }; /* V8_FRAMES_MAX, and a power of two */

struct unwind_state {
	/* The frame at hand. */
	__u64 pc;
	__u64 sp;
	__u64 rbp;
	__u64 rbx;
	__u64 context;        /* a signal frame's struct ucontext */
	__u8 rbp_at;          /* enum unwind_value_at */
	__u8 rbx_at;
	__u8 registers_known; /* enum unwind_registers: of all the others */
	__u8 is_return;       /* pc is a return address: 1, else 0 */
	__u8 guess;           /* how pc was found: 0 by a row, else why not (enum profile_outcome) */
	__u8 space_flags;
	__u16 space_count;
	__u32 space_first;
	/* The mapping that the last frame was in, and its executable. */
	__u32 executable;
	__u64 start;
	__u64 limit;
	__u64 bias;
	__u32 directory;
	__u32 first_page;
	__u32 pages;
	__u32 now_s;
	/* What went wrong, for a notice. */
	__u64 failed_at;
	__u32 failed_executable;
	__u32 frames_count; /* words of frames[]: kernel, then user, then Python's and V8's */
	/* Of these frames by records/v8.h: the JSFunction, or the type of the frame, in place of the first word. */
	__u32 v8_count;
	struct v8_layout v8;
	__u64 v8_functions[UNWIND_V8_ROOM];
	__u64 registers[16]; /* by DWARF number */
	struct hotspot_space hotspot; /* with UNWIND_SPACE_HOTSPOT */
	__u64 blob; /* a CodeBlob of it */
	struct profile_sample_record record;
	__u64 frames[PROFILE_WORDS_MAX];
};

/* Of `count` words from `first`, each 1 << shift words from the last and ascending under `mask`: the last one that is not
 * above `key`, from 0. -1: none, or not in the slabs. */
UNWIND_FUNCTION int unwind__search(__u32 first, __u32 count, __u32 shift, __u64 mask, __u64 key)
{
	__u32 low = 0;

	if (!count || count > UNWIND_PAGE_ROWS_MAX)
		return -1;
	/* The last of them is before `low + count`, and none at or before `low` is above the key, unless it is 0. */
	for (int i = 0; i < UNWIND_SEARCH_STEPS && count > 1; ++i) {
		__u32 half = count / 2;
		const union unwind_word *word = unwind__word(first + ((low + half) << (shift & 3)));

		if (!word)
			return -1;
		if ((word->value & mask) <= key)
			low += half;
		count -= half;
	}
	{
		const union unwind_word *word = unwind__word(first + (low << (shift & 3)));

		return word && (word->value & mask) <= key ? (int)low : -1;
	}
}

UNWIND_INLINE int unwind__end(struct unwind_state *state, __u8 outcome)
{
	state->record.outcome = outcome;
	return 0;
}

UNWIND_INLINE __u64 unwind__frame_of(const struct unwind_state *state, __u64 kind)
{
	__u64 rest = state->pc & PROFILE_FRAME_ADDRESS_MASK;

	if (kind == PROFILE_FRAME_FILE)
		rest = (__u64)state->executable << PROFILE_FRAME_EXECUTABLE_SHIFT |
		       ((state->pc - state->bias) & PROFILE_FRAME_OFFSET_MASK);
	return (state->is_return ? PROFILE_FRAME_RETURN : 0) | kind << PROFILE_FRAME_KIND_SHIFT | rest;
}

/* 0: there are UNWIND_FRAMES_MAX already. */
UNWIND_INLINE int unwind__add_frame(struct unwind_state *state, __u64 kind)
{
	__u32 index = state->frames_count;

	if (state->record.user_frames >= UNWIND_FRAMES_MAX || index >= PROFILE_FRAMES_MAX)
		return 0;
	state->frames[index] = unwind__frame_of(state, kind);
	state->frames_count = index + 1;
	state->record.user_frames++;
	return 1;
}

/* Makes the mapping around `address` the current one. 0: there is none. */
UNWIND_FUNCTION int unwind__enter(struct unwind_state *state, __u64 address)
{
	struct unwind_executable *executable;
	const union unwind_word *word;
	__u32 first;
	int index;

	if (!state)
		return 0;
	index = unwind__search(state->space_first, state->space_count, UNWIND_MAPPING_SHIFT, ~0ULL, address);
	if (index < 0)
		return 0;
	first = state->space_first + ((__u32)index << UNWIND_MAPPING_SHIFT);
	word = unwind__word(first + 1);
	if (!word || address >= word->value)
		return 0;
	state->limit = word->value;
	word = unwind__word(first + 2);
	if (!word)
		return 0;
	state->bias = word->value;
	word = unwind__word(first + 3);
	if (!word)
		return 0;
	state->executable = (__u32)word->value;
	word = unwind__word(first);
	if (!word)
		return 0;
	state->start = word->value;
	state->pages = 0;
	executable = state->executable ? unwind__executable(state->executable) : 0;
	if (!executable)
		return 1;
	state->pages = executable->pages;
	state->directory = executable->directory;
	state->first_page = executable->first_page;
	/* A second's resolution, so that CPUs seldom fight for the line. */
	if (executable->used_s != state->now_s)
		executable->used_s = state->now_s;
	return 1;
}

UNWIND_INLINE int unwind__rbp(struct unwind_state *state, __u64 *value)
{
	*value = state->rbp;
	if (state->rbp_at == UNWIND_VALUE)
		return 0;
	if (state->rbp_at == UNWIND_LOST)
		return PROFILE_REGISTER_LOST;
	return unwind__read(value, sizeof(*value), state->rbp) ? PROFILE_MEMORY_FAULT : 0;
}

UNWIND_INLINE __u32 unwind__context_offset(__u32 number)
{
	switch (number) {
	case UNWIND_RAX:
		return UNWIND_UCONTEXT_RAX;
	case UNWIND_RDX:
		return UNWIND_UCONTEXT_RDX;
	case UNWIND_RCX:
		return UNWIND_UCONTEXT_RCX;
	case UNWIND_RBX:
		return UNWIND_UCONTEXT_RBX;
	case UNWIND_RSI:
		return UNWIND_UCONTEXT_RSI;
	case UNWIND_RDI:
		return UNWIND_UCONTEXT_RDI;
	case UNWIND_RBP:
		return UNWIND_UCONTEXT_RBP;
	case UNWIND_RSP:
		return UNWIND_UCONTEXT_RSP;
	default:
		return UNWIND_UCONTEXT_R8 + (number - UNWIND_R8) * 8;
	}
}

/* A register other than rsp and rbp. 0, or why it is not known. */
UNWIND_FUNCTION int unwind__register(struct unwind_state *state, __u32 number)
{
	__u64 value = 0;

	if (!state || number > UNWIND_R15)
		return PROFILE_REGISTER_LOST;
	if (number == UNWIND_RBX) {
		if (state->rbx_at == UNWIND_LOST)
			return PROFILE_REGISTER_LOST;
		value = state->rbx;
		if (state->rbx_at == UNWIND_ADDRESS && unwind__read(&value, sizeof(value), state->rbx))
			return PROFILE_MEMORY_FAULT;
	} else if (state->registers_known == UNWIND_REGISTERS_HERE) {
		return 0;
	} else if (state->registers_known == UNWIND_REGISTERS_CONTEXT) {
		if (unwind__read(&value, sizeof(value), state->context + unwind__context_offset(number)))
			return PROFILE_MEMORY_FAULT;
	} else {
		return PROFILE_REGISTER_LOST;
	}
	state->registers[number & 15] = value;
	return 0;
}

UNWIND_INLINE int unwind__to_caller(struct unwind_state *state, __u64 pc, __u64 sp)
{
	/* No code is there: the thread was started with nothing to return to. */
	if (!pc)
		return unwind__end(state, PROFILE_ENDED);
	state->pc = pc;
	state->sp = sp;
	state->is_return = 1;
	state->registers_known = UNWIND_REGISTERS_NONE;
	return 1;
}

/* Notes what V8 says of the frame at hand, which `rbp` belongs to. 0: nothing. Anybody's words may be there: whoever reads the
 * function's name finds out. */
UNWIND_FUNCTION int unwind__note_v8(struct unwind_state *state, __u64 rbp)
{
	__u64 pair[2]; /* the JSFunction; the context, or the type of the frame */
	__u64 value;
	__u32 count;

	if (!state)
		return 0;
	count = state->v8_count;
	if (count >= V8_FRAMES_MAX || rbp + V8_FUNCTION_OFFSET < state->sp ||
	    unwind__read(pair, sizeof(pair), rbp + V8_FUNCTION_OFFSET))
		return 0;
	if ((pair[1] & V8_TAG_MASK) == V8_HEAP_OBJECT_TAG && (pair[0] & V8_TAG_MASK) == V8_HEAP_OBJECT_TAG)
		value = pair[0];
	else if (pair[1] && !(pair[1] & 1) && pair[1] < 2 * V8_FRAME_TYPES)
		value = pair[1];
	else
		return 0;
	state->v8_functions[count & (UNWIND_V8_ROOM - 1)] =
		(value & V8_FRAME_VALUE_MASK) | (__u64)(state->record.user_frames - 1U) << V8_FRAME_INDEX_SHIFT;
	state->v8_count = count + 1;
	return 1;
}

/* By convention: rbp points to the caller's, and the return address is above it. `reason` says why rows are not used: then
 * it is a guess, and the outcome if it leads nowhere. 0: the row says so. */
UNWIND_INLINE int unwind__by_frame_pointer(struct unwind_state *state, __u8 reason)
{
	__u64 pair[2]; /* the caller's rbp, the return address */
	__u64 rbp;
	int lost = unwind__rbp(state, &rbp);

	if (lost)
		return unwind__end(state, reason && lost == PROFILE_REGISTER_LOST ? reason : (__u8)lost);
	if (!rbp)
		return unwind__end(state, PROFILE_ENDED);
	if (rbp & 7 || rbp < state->sp)
		return unwind__end(state, reason ? reason : (__u8)PROFILE_FRAME_POINTER);
	if (unwind__read(pair, sizeof(pair), rbp))
		return unwind__end(state, reason ? reason : (__u8)PROFILE_MEMORY_FAULT);
	if (reason)
		state->record.flags |= PROFILE_SAMPLE_GUESSED;
	state->guess = reason;
	/* What V8 says of its frame makes it none: an unknown address is code that is too new to be known then. */
	if (reason && state->space_flags & UNWIND_SPACE_V8 && unwind__note_v8(state, rbp))
		state->guess = 0;
	state->rbp = pair[0];
	state->rbp_at = UNWIND_VALUE;
	state->rbx_at = UNWIND_LOST;
	return unwind__to_caller(state, pair[1], rbp + 16);
}
