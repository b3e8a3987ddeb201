/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The JavaScript functions of frames that the unwinder found: records/v8.h. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "lib/unwind_tables.bpf.h"
#include "records/v8.h"

/* From a JSFunction to what has its name, in place of it. 0: this is none. */
static __always_inline int v8__read_shared(const struct unwind_state *state, u64 function, u64 words[2])
{
	u64 shared = 0;

	if (bpf_probe_read_user(&shared, sizeof(shared),
				(const void *)(function - V8_HEAP_OBJECT_TAG + state->v8.function_shared)))
		return 0;
	if ((shared & V8_TAG_MASK) != V8_HEAP_OBJECT_TAG)
		return 0;
	words[0] = shared & V8_FRAME_VALUE_MASK;
	return !bpf_probe_read_user(&words[1], sizeof(words[1]),
				    (const void *)(shared - V8_HEAP_OBJECT_TAG + state->v8.shared_name));
}

/* The note `number` behind what is in `state` already. 0: there is no room. */
__noinline int v8__add_frame(struct unwind_state *state, u32 number)
{
	u64 words[2] = {};
	u64 note;
	u32 index;

	if (!state)
		return 0;
	note = state->v8_functions[number & (UNWIND_V8_ROOM - 1)];
	words[0] = note & V8_FRAME_VALUE_MASK;
	if ((note & V8_TAG_MASK) == V8_HEAP_OBJECT_TAG && !v8__read_shared(state, words[0], words))
		return 1;
	/* Here, behind all calls: the verifier of 6.1 forgets bounds of what the compiler moves to the stack. */
	index = state->frames_count;
	if (index >= PROFILE_WORDS_MAX - 1)
		return 0;
	state->frames[index] = words[0] | (note & ~V8_FRAME_VALUE_MASK);
	state->frames[index + 1] = words[1];
	state->frames_count = index + 2;
	state->record.v8_frames++;
	return 1;
}

/* Behind the native frames, to which nothing may be added any more. */
static __always_inline void v8__append(struct unwind_state *state)
{
	for (u32 i = 0; i < V8_FRAMES_MAX && i < state->v8_count; ++i)
		if (!v8__add_frame(state, i))
			break;
}
