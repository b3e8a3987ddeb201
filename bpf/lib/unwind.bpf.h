/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the registers of an interrupted thread to its callers, by the tables of records/profile.h and the rows of
 * records/unwind.h. The same source is compiled for the kernel and as ordinary C++: for stacks that are unwound late,
 * and for tests. Whoever includes it declares before:
 *   UNWIND_FUNCTION         how a function is declared that the verifier looks at once, not on every path
 *   UNWIND_INLINE           how the small ones are
 *   const union unwind_word *unwind__word(__u32 index)             0: there is none
 *   struct unwind_executable *unwind__executable(__u32 number)     0: there is none
 *   int unwind__read(void *to, __u32 bytes, __u64 from)            of the thread's memory; 0: done */
#pragma once

#include "lib/unwind_state.bpf.h"
#include "lib/unwind_rows.bpf.h"
#include "lib/hotspot.bpf.h"

UNWIND_INLINE int unwind__in_code_cache(const struct unwind_state *state, __u64 address)
{
	return state->space_flags & UNWIND_SPACE_HOTSPOT && hotspot__contains(state, address);
}

/* One frame: notes it, and makes its caller the frame at hand. 0: it was the last one, record.outcome says why. */
UNWIND_FUNCTION int unwind__step(struct unwind_state *state)
{
	__u64 address;
	__u64 kind = PROFILE_FRAME_FILE;

	if (!state)
		return 0;
	address = state->pc - state->is_return;
	if ((address < state->start || address >= state->limit) && !unwind__enter(state, address)) {
		state->start = 0;
		state->limit = 0;
		if (unwind__in_code_cache(state, address))
			return hotspot__step(state);
		if (state->guess)
			return unwind__end(state, state->guess);
		state->failed_at = address;
		kind = PROFILE_FRAME_UNKNOWN;
	} else if (!state->executable) {
		if (unwind__in_code_cache(state, address))
			return hotspot__step(state);
		kind = PROFILE_FRAME_ANONYMOUS;
	}
	if (!unwind__add_frame(state, kind))
		return unwind__end(state, PROFILE_TRUNCATED);
	if (kind == PROFILE_FRAME_UNKNOWN) {
		if (!(state->space_flags & UNWIND_SPACE_JIT))
			return unwind__end(state, PROFILE_NO_MAPPING);
		return unwind__by_frame_pointer(state, PROFILE_NO_MAPPING);
	}
	if (kind == PROFILE_FRAME_ANONYMOUS)
		return unwind__by_frame_pointer(state, PROFILE_FRAME_POINTER);
	if (!state->pages) {
		state->failed_executable = state->executable;
		return unwind__by_frame_pointer(state, PROFILE_NO_TABLE);
	}
	return unwind__by_table(state, address);
}

/* registers[] and the space are set; pc is given apart. */
UNWIND_INLINE void unwind__begin(struct unwind_state *state, __u64 pc)
{
	state->pc = pc;
	state->sp = state->registers[UNWIND_RSP];
	state->rbp = state->registers[UNWIND_RBP];
	state->rbx = state->registers[UNWIND_RBX];
	state->rbp_at = UNWIND_VALUE;
	state->rbx_at = UNWIND_VALUE;
	state->registers_known = UNWIND_REGISTERS_HERE;
	state->is_return = 0;
	state->guess = 0;
	state->start = 0;
	state->limit = 0;
	state->failed_at = 0;
	state->failed_executable = 0;
	state->v8_count = 0;
}
