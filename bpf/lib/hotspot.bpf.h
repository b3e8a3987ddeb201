/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames of HotSpot's generated code, by the JVM's own tables: records/hotspot.h. A part of lib/unwind.bpf.h. What a caller is found by is checked: Java is called from generated code, but for
 * the entry frames, so a return address elsewhere is none. */
#pragma once

#include "lib/unwind_state.bpf.h"

enum hotspot_result {
	HOTSPOT_ENDED = 0,
	HOTSPOT_WENT_ON = 1,
	HOTSPOT_NOT_SO = 2, /* nothing was changed: try something else */
};

enum {
	HOTSPOT_LOCALS_BYTES_MAX = 8 << 16, /* max_locals is a u2 */
	HOTSPOT_STUB_BYTES_MAX = 1 << 16,   /* of a stub's frame */
	HOTSPOT_SCANNED_WORDS = 8,
};

/* Instructions by their first bytes, the first one lowest. */
enum hotspot_code {
	HOTSPOT_PUSH_RBP = 0x55,
	HOTSPOT_POP_RBP = 0x5d,
	HOTSPOT_RET = 0xc3,
	HOTSPOT_JA = 0x870f,
	HOTSPOT_MOV_RBP_RSP = 0xec8b48,
	HOTSPOT_MOV_RBP_RSP_2 = 0xe58948, /* the other encoding */
	HOTSPOT_CMP_RSP_POLL = 0x673b49,     /* cmp rsp, [r15 + 8 bits]: the poll before a return, from 16 on */
	HOTSPOT_CMP_RSP_POLL_FAR = 0xa73b49, /* + 32 bits */
	HOTSPOT_MOV_R10_POLL = 0x978b4d,     /* mov r10, [r15 + 32 bits], and then test: the same before 16 */
	HOTSPOT_TEST_R10 = 0x028541,
	HOTSPOT_CMP_BARRIER = 0x7f8141, /* cmp dword [r15 + 8 bits]: a barrier at the entry, behind a complete frame */
	HOTSPOT_SAVE_RBP = 0x246c8948,     /* mov [rsp + 8 bits], rbp */
	HOTSPOT_SAVE_RBP_FAR = 0x24ac8948, /* + 32 bits */
};

UNWIND_INLINE int hotspot__contains(const struct unwind_state *state, __u64 address)
{
	const struct hotspot_heap *heaps = state->hotspot.heaps;

	return address - heaps[0].start < heaps[0].limit - heaps[0].start ||
	       address - heaps[1].start < heaps[1].limit - heaps[1].start ||
	       address - heaps[2].start < heaps[2].limit - heaps[2].start;
}

/* Makes the CodeBlob around `address` the current one. 0: there is none. */
UNWIND_FUNCTION int hotspot__find_blob(struct unwind_state *state, __u64 address)
{
	const struct hotspot_heap *heaps;
	__u64 start, map, segment;
	__u32 shift;

	if (!state)
		return 0;
	heaps = state->hotspot.heaps;
	shift = state->hotspot.segment_shift & 31;
	start = heaps[2].start;
	map = heaps[2].segment_map;
	if (address - heaps[0].start < heaps[0].limit - heaps[0].start) {
		start = heaps[0].start;
		map = heaps[0].segment_map;
	} else if (address - heaps[1].start < heaps[1].limit - heaps[1].start) {
		start = heaps[1].start;
		map = heaps[1].segment_map;
	}
	segment = (address - start) >> shift;
	for (int i = 0; i < HOTSPOT_SEGMENT_HOPS; ++i) {
		__u8 back = HOTSPOT_SEGMENT_FREE;

		if (unwind__read(&back, sizeof(back), map + segment))
			return 0;
		if (!back) {
			state->blob = start + (segment << shift) + state->hotspot.block_header;
			return 1;
		}
		if (back == HOTSPOT_SEGMENT_FREE || back > segment)
			return 0;
		segment -= back;
	}
	return 0;
}

/* 0: there are UNWIND_FRAMES_MAX already. */
UNWIND_INLINE int hotspot__add_frame(struct unwind_state *state, __u64 type, __u64 address, __u64 place, __u32 check)
{
	__u32 index = state->frames_count;

	if (state->record.user_frames >= UNWIND_FRAMES_MAX || index >= PROFILE_FRAMES_MAX - 1)
		return unwind__end(state, PROFILE_TRUNCATED);
	state->frames[index] = (state->is_return ? PROFILE_FRAME_RETURN : 0) |
			       (__u64)PROFILE_FRAME_JAVA << PROFILE_FRAME_KIND_SHIFT | (address & PROFILE_FRAME_ADDRESS_MASK);
	state->frames[index + 1] =
		type << HOTSPOT_FRAME_TYPE_SHIFT | (place & HOTSPOT_FRAME_PLACE_MASK) << HOTSPOT_FRAME_PLACE_SHIFT | check;
	state->frames_count = index + 2;
	state->record.user_frames++;
	return 1;
}

/* To generated code at `pc`, else not. rbp is set already. */
UNWIND_INLINE int hotspot__to_caller(struct unwind_state *state, __u64 pc, __u64 sp)
{
	if (!hotspot__contains(state, pc))
		return HOTSPOT_NOT_SO;
	state->guess = 0;
	state->rbx_at = UNWIND_LOST;
	return unwind__to_caller(state, pc, sp);
}

/* Nothing is on the stack but the return address; rbp is the caller's. */
UNWIND_INLINE int hotspot__by_return_address(struct unwind_state *state, __u64 at)
{
	__u64 pc;

	if (unwind__read(&pc, sizeof(pc), at))
		return HOTSPOT_NOT_SO;
	return hotspot__to_caller(state, pc, at + sizeof(pc));
}

/* The caller's rbp is at `at`, and the return address above it. */
UNWIND_FUNCTION int hotspot__by_pair(struct unwind_state *state, __u64 at)
{
	__u64 pair[2];

	if (!state || unwind__read(pair, sizeof(pair), at) || !hotspot__contains(state, pair[1]))
		return HOTSPOT_NOT_SO;
	state->rbp = pair[0];
	state->rbp_at = UNWIND_VALUE;
	return hotspot__to_caller(state, pair[1], at + sizeof(pair));
}

/* A stub that keeps a frame by rbp. */
UNWIND_INLINE int hotspot__by_rbp(struct unwind_state *state)
{
	__u64 rbp;

	if (unwind__rbp(state, &rbp) || rbp & 7 || rbp - state->sp > HOTSPOT_STUB_BYTES_MAX)
		return HOTSPOT_NOT_SO;
	return hotspot__by_pair(state, rbp);
}

/* The frame of an interpreted method. */
UNWIND_FUNCTION int hotspot__interpreted(struct unwind_state *state)
{
	__u64 words[HOTSPOT_INTERPRETED_WORDS];
	__u64 rbp, method, code, place, sender_sp;

	if (!state)
		return HOTSPOT_ENDED;
	if (unwind__rbp(state, &rbp) || rbp & 7 || rbp < state->sp)
		return HOTSPOT_NOT_SO;
	if (unwind__read(words, sizeof(words), rbp + HOTSPOT_INTERPRETED_FIRST * 8L))
		return HOTSPOT_NOT_SO;
	method = words[HOTSPOT_INTERPRETED_METHOD - HOTSPOT_INTERPRETED_FIRST];
	sender_sp = words[HOTSPOT_INTERPRETED_SENDER_SP - HOTSPOT_INTERPRETED_FIRST];
	if (!method || method & 7 || sender_sp - rbp > HOTSPOT_LOCALS_BYTES_MAX)
		return HOTSPOT_NOT_SO;
	if (unwind__read(&code, sizeof(code), method + state->hotspot.method_const))
		return HOTSPOT_NOT_SO;
	place = words[HOTSPOT_INTERPRETED_BCP - HOTSPOT_INTERPRETED_FIRST];
	if (!place) {
		place = HOTSPOT_PLACE_UNKNOWN; /* a native method */
	} else {
		place -= code + state->hotspot.const_method_bytes;
		if (place > 0xffff)
			return HOTSPOT_NOT_SO;
		/* Where it is at now is in r13. */
		if (!state->is_return && !unwind__register(state, 13)) {
			__u64 now = state->registers[13] - code - state->hotspot.const_method_bytes;

			if (now <= 0xffff)
				place = now;
		}
	}
	if (!hotspot__add_frame(state, HOTSPOT_FRAME_INTERPRETED, method, place, hotspot_method_check(code)))
		return HOTSPOT_ENDED;
	state->rbp = words[HOTSPOT_INTERPRETED_LINK - HOTSPOT_INTERPRETED_FIRST];
	state->rbp_at = UNWIND_VALUE;
	state->rbx_at = UNWIND_LOST;
	state->guess = 0;
	return unwind__to_caller(state, words[HOTSPOT_INTERPRETED_RETURN - HOTSPOT_INTERPRETED_FIRST], sender_sp);
}

/* What native code calls Java by. */
UNWIND_INLINE int hotspot__by_entry(struct unwind_state *state)
{
	__u64 pair[2];
	__u64 rbp;

	if (unwind__rbp(state, &rbp) || rbp & 7 || rbp < state->sp)
		return unwind__end(state, PROFILE_STACK_ORDER);
	if (unwind__read(pair, sizeof(pair), rbp))
		return unwind__end(state, PROFILE_MEMORY_FAULT);
	state->rbp = pair[0];
	state->rbp_at = UNWIND_VALUE;
	state->rbx = rbp + HOTSPOT_ENTRY_RBX * 8L;
	state->rbx_at = UNWIND_ADDRESS;
	state->guess = 0;
	return unwind__to_caller(state, pair[1], rbp + sizeof(pair));
}

/* The interrupted instruction is in generated code without a frame of known size, or it is not known yet whether the frame
 * is there: interpreters and stubs at their beginning and end, adapters. */
UNWIND_FUNCTION int hotspot__by_search(struct unwind_state *state, __u32 frame_words)
{
	int result;

	if (!state)
		return HOTSPOT_ENDED;
	result = hotspot__by_return_address(state, state->sp);
	if (result == HOTSPOT_NOT_SO && frame_words)
		result = hotspot__by_pair(state, state->sp + frame_words * 8UL - 16);
	if (result == HOTSPOT_NOT_SO)
		result = hotspot__by_rbp(state);
	if (result == HOTSPOT_NOT_SO)
		result = hotspot__by_pair(state, state->sp);
	/* Taken off the stack: at the entry of a method, and in adapters; by the interpreter when it returns. */
	if (result == HOTSPOT_NOT_SO && !unwind__register(state, UNWIND_RAX)) {
		__u64 sp = state->sp;

		if (!unwind__register(state, 13) && state->registers[13] - sp <= HOTSPOT_LOCALS_BYTES_MAX)
			sp = state->registers[13];
		result = hotspot__to_caller(state, state->registers[UNWIND_RAX], sp);
	}
	if (result == HOTSPOT_NOT_SO && !unwind__register(state, UNWIND_RSI))
		result = hotspot__to_caller(state, state->registers[UNWIND_RSI], state->sp);
	for (int i = 1; i < HOTSPOT_SCANNED_WORDS && result == HOTSPOT_NOT_SO; ++i) {
		result = hotspot__by_return_address(state, state->sp + i * 8UL);
		if (result == HOTSPOT_WENT_ON)
			state->record.flags |= PROFILE_SAMPLE_GUESSED;
	}
	return result;
}

/* The interrupted instruction is in a compiled method. */
UNWIND_FUNCTION int hotspot__compiled(struct unwind_state *state, __u32 frame_words)
{
	__u64 code[2]; /* before the instruction, and from it on */
	__u64 begin = 0;
	__u64 frame_end;
	__s32 complete = 0;
	__u32 last, next;
	int result = HOTSPOT_NOT_SO;
	int is_prologue;

	if (!state || unwind__read(code, sizeof(code), state->pc - 8))
		return HOTSPOT_NOT_SO;
	if (state->hotspot.code_is_offset) {
		__u32 offset = 0;

		unwind__read(&offset, sizeof(offset), state->blob + state->hotspot.blob_code);
		begin = state->blob + offset;
	} else {
		unwind__read(&begin, sizeof(begin), state->blob + state->hotspot.blob_code);
	}
	if (state->hotspot.frame_complete_bytes == 2) {
		__s16 narrow = 0;

		unwind__read(&narrow, sizeof(narrow), state->blob + state->hotspot.blob_frame_complete);
		complete = narrow;
	} else {
		unwind__read(&complete, sizeof(complete), state->blob + state->hotspot.blob_frame_complete);
	}
	frame_end = state->sp + frame_words * 8UL;
	last = (__u32)(code[0] >> 40); /* three bytes */
	next = (__u32)code[1];
	is_prologue = complete > 0 && state->pc - begin < (__u32)complete;
	if (is_prologue && ((next & 0xffffff) == HOTSPOT_CMP_BARRIER || ((__u32)code[0] & 0xffffff) == HOTSPOT_CMP_BARRIER)) {
		result = hotspot__by_pair(state, frame_end - 16);
	} else if (is_prologue) {
		if (last >> 16 == HOTSPOT_PUSH_RBP || last == HOTSPOT_MOV_RBP_RSP || last == HOTSPOT_MOV_RBP_RSP_2)
			result = hotspot__by_pair(state, state->sp);
		else if (next == HOTSPOT_SAVE_RBP || next == HOTSPOT_SAVE_RBP_FAR)
			result = hotspot__by_return_address(state, frame_end - 8);
		else
			result = hotspot__by_return_address(state, state->sp);
	} else if ((next & 0xff) == HOTSPOT_POP_RBP) {
		result = hotspot__by_pair(state, state->sp);
	} else {
		__u32 near = (__u32)(code[0] >> 32) & 0xffffff; /* of an instruction of four bytes before */
		__u32 far = (__u32)(code[0] >> 8) & 0xffffff;   /* of seven */
		__u32 three = next & 0xffffff;

		if ((next & 0xff) == HOTSPOT_RET || three == HOTSPOT_CMP_RSP_POLL || three == HOTSPOT_CMP_RSP_POLL_FAR ||
		    ((next & 0xffff) == HOTSPOT_JA && (near == HOTSPOT_CMP_RSP_POLL || far == HOTSPOT_CMP_RSP_POLL_FAR)) ||
		    (three == HOTSPOT_MOV_R10_POLL && last >> 16 == HOTSPOT_POP_RBP) ||
		    (three == HOTSPOT_TEST_R10 && far == HOTSPOT_MOV_R10_POLL && (code[0] & 0xff) == HOTSPOT_POP_RBP))
			result = hotspot__by_return_address(state, state->sp);
	}
	if (result == HOTSPOT_NOT_SO)
		result = hotspot__by_pair(state, frame_end - 16);
	return result;
}

/* The frame at hand is in the current CodeBlob. */
UNWIND_FUNCTION int hotspot__by_blob(struct unwind_state *state)
{
	__u64 name = 0;
	__u64 place;
	__u32 words = 0;
	__u32 compile_id = 0;
	__u32 is_compiled;
	int result = HOTSPOT_NOT_SO;

	if (!state)
		return HOTSPOT_ENDED;
	if (!unwind__read(&name, sizeof(name), state->blob + state->hotspot.blob_name))
		unwind__read(&name, sizeof(name), name);
	unwind__read(&words, sizeof(words), state->blob + state->hotspot.blob_frame_size);
	if (words < 2 || words > HOTSPOT_FRAME_WORDS_MAX)
		words = 0;
	is_compiled = name == HOTSPOT_NAME_COMPILED || name == HOTSPOT_NAME_NATIVE;
	if (is_compiled)
		unwind__read(&compile_id, sizeof(compile_id), state->blob + state->hotspot.nmethod_compile_id);
	place = state->pc - state->blob;
	if (place > HOTSPOT_PLACE_UNKNOWN)
		place = HOTSPOT_PLACE_UNKNOWN;
	if (!hotspot__add_frame(state, is_compiled ? HOTSPOT_FRAME_COMPILED : HOTSPOT_FRAME_STUB, state->pc, place, compile_id))
		return HOTSPOT_ENDED;
	if (state->is_return) {
		if (state->pc == state->hotspot.entry_return)
			return hotspot__by_entry(state);
		if (words)
			result = hotspot__by_pair(state, state->sp + words * 8UL - 16);
		if (result == HOTSPOT_NOT_SO)
			result = hotspot__by_rbp(state);
	} else {
		if (is_compiled && words)
			result = hotspot__compiled(state, words);
		if (result == HOTSPOT_NOT_SO)
			result = hotspot__by_search(state, words);
	}
	return result == HOTSPOT_NOT_SO ? unwind__by_frame_pointer(state, PROFILE_FRAME_POINTER) : result;
}

/* As unwind__step(), for an address in the code cache. */
UNWIND_FUNCTION int hotspot__step(struct unwind_state *state)
{
	__u64 pc;

	if (!state)
		return HOTSPOT_ENDED;
	pc = state->pc;
	if (pc - state->hotspot.interpreter_start < state->hotspot.interpreter_limit - state->hotspot.interpreter_start) {
		int result = hotspot__interpreted(state);

		if (result != HOTSPOT_NOT_SO)
			return result;
	}
	if (hotspot__find_blob(state, pc - state->is_return))
		return hotspot__by_blob(state);
	if (!unwind__add_frame(state, PROFILE_FRAME_ANONYMOUS))
		return unwind__end(state, PROFILE_TRUNCATED);
	return unwind__by_frame_pointer(state, PROFILE_FRAME_POINTER);
}
