/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* To the caller by the rows of records/unwind.h. For lib/unwind.bpf.h. */
#pragma once

#include "lib/unwind_state.bpf.h"

/* The CFA, by all kinds of rows that name one. 0, or why not. */
UNWIND_FUNCTION int unwind__cfa(struct unwind_state *state, __u64 row_value, __u64 *cfa)
{
	union unwind_word word;
	__u64 value = 0;
	__u64 at;
	__u32 kind;
	int lost = 0;

	if (!state || !cfa)
		return PROFILE_INVALID_ROW;
	word.value = row_value;
	kind = word.row.cfa_kind;
	at = state->sp + (__u64)(unwind_deref_base(word.row) * 8L);
	switch (kind) {
	case UNWIND_CFA_RSP_FAR:
		*cfa = state->sp + word.row.cfa_offset * 8UL + UNWIND_FAR_BYTES;
		return 0;
	case UNWIND_CFA_PLT:
		*cfa = state->sp + 8 + ((state->pc & 15) >= word.row.cfa_offset ? 8 : 0);
		return 0;
	case UNWIND_CFA_RA_REGISTER:
		*cfa = state->sp + (word.row.cfa_offset & 0xffUL) * 8;
		return 0;
	case UNWIND_CFA_RBP:
	case UNWIND_CFA_RBP_ELSEWHERE:
		lost = unwind__rbp(state, &value);
		*cfa = value + (__u64)(unwind_signed_offset(word.row) * 8L);
		return lost;
	case UNWIND_CFA_RBP_DEREF:
		lost = unwind__rbp(state, &value);
		at = value + (__u64)(unwind_deref_base(word.row) * 8L);
		break;
	case UNWIND_CFA_RSP_R9_DEREF:
		lost = unwind__register(state, UNWIND_R9);
		at += state->registers[UNWIND_R9] * 8;
		break;
	case UNWIND_CFA_RSP_DEREF:
		break;
	default:
		if (kind < UNWIND_CFA_REGISTER || kind > UNWIND_CFA_REGISTER_FAR_LAST)
			return PROFILE_INVALID_ROW;
		/* Both begin at a multiple of 16. */
		lost = unwind__register(state, kind & 15);
		if (kind <= UNWIND_CFA_REGISTER_LAST)
			*cfa = state->registers[kind & 15] + (__u64)(unwind_signed_offset(word.row) * 8L);
		else
			*cfa = state->registers[kind & 15] + word.row.cfa_offset * 8UL + UNWIND_REGISTER_FAR_BYTES;
		return lost;
	}
	if (lost)
		return lost;
	if (unwind__read(&value, sizeof(value), at))
		return PROFILE_MEMORY_FAULT;
	*cfa = value + unwind_deref_add(word.row) * 8UL;
	return 0;
}

/* The caller's rbp and rbx, before rsp is replaced. 0, or why it ends here. */
UNWIND_INLINE int unwind__restore(struct unwind_state *state, struct unwind_row row, __u64 cfa)
{
	__u64 value;
	int lost;

	if (row.rbp_kind == UNWIND_RBP_CFA) {
		state->rbp = cfa + (__u64)(row.rbp_offset * 8L);
		state->rbp_at = UNWIND_ADDRESS;
	} else if (row.rbp_kind == UNWIND_RBP_RBP) {
		lost = unwind__rbp(state, &value);
		if (lost)
			return lost;
		state->rbp = value + (__u64)(row.rbp_offset * 8L);
		state->rbp_at = UNWIND_ADDRESS;
	} else if (row.rbp_kind == UNWIND_RBP_REGISTER) {
		if (unwind__register(state, (__u8)row.rbp_offset)) {
			state->rbp_at = UNWIND_LOST;
		} else {
			state->rbp = state->registers[row.rbp_offset & 15];
			state->rbp_at = UNWIND_VALUE;
		}
	} else if (row.rbp_kind != UNWIND_RBP_SAME) {
		state->rbp_at = UNWIND_LOST;
	}
	if (row.rbx_offset == UNWIND_RBX_UNDEFINED) {
		state->rbx_at = UNWIND_LOST;
	} else if (row.rbx_offset != UNWIND_RBX_SAME) {
		state->rbx = cfa + (__u64)(row.rbx_offset * 8L);
		state->rbx_at = UNWIND_ADDRESS;
	}
	return 0;
}

UNWIND_INLINE int unwind__by_signal_frame(struct unwind_state *state)
{
	__u64 pair[2]; /* rsp, rip */
	__u64 context = state->sp;

	if (unwind__read(pair, sizeof(pair), context + UNWIND_UCONTEXT_RSP))
		return unwind__end(state, PROFILE_MEMORY_FAULT);
	if (!unwind__to_caller(state, pair[1], pair[0]))
		return 0;
	state->is_return = 0;
	state->context = context;
	state->registers_known = UNWIND_REGISTERS_CONTEXT;
	state->rbp = context + UNWIND_UCONTEXT_RBP;
	state->rbx = context + UNWIND_UCONTEXT_RBX;
	state->rbp_at = UNWIND_ADDRESS;
	state->rbx_at = UNWIND_ADDRESS;
	return 1;
}

UNWIND_FUNCTION int unwind__by_row(struct unwind_state *state, __u64 row_value)
{
	union unwind_word word;
	struct unwind_row row;
	__u64 cfa = 0;
	__u64 pc = 0;
	__u32 register_of_pc;
	int lost;

	if (!state)
		return 0;
	word.value = row_value;
	row = word.row;
	state->guess = 0;
	if (row.cfa_kind == UNWIND_CFA_STOP)
		return unwind__end(state, PROFILE_COMPLETE);
	if (row.cfa_kind == UNWIND_CFA_SIGNAL)
		return unwind__by_signal_frame(state);
	if (row.cfa_kind == UNWIND_CFA_FRAME_POINTER)
		return unwind__by_frame_pointer(state, 0);
	if (row.cfa_kind == UNWIND_CFA_INVALID)
		return unwind__by_frame_pointer(state,
						row.cfa_offset == UNWIND_INVALID_GAP        ? PROFILE_NO_ROW :
						row.cfa_offset == UNWIND_INVALID_EXPRESSION ? PROFILE_EXPRESSION :
											      PROFILE_INVALID_ROW);
	if (row.cfa_kind == UNWIND_CFA_RSP) { /* over 99% */
		cfa = state->sp + row.cfa_offset * 8UL;
	} else {
		lost = unwind__cfa(state, row_value, &cfa);
		if (lost == PROFILE_INVALID_ROW) /* a kind that is not known here */
			return unwind__by_frame_pointer(state, PROFILE_INVALID_ROW);
		if (lost)
			return unwind__end(state, (__u8)lost);
	}
	if (row.cfa_kind == UNWIND_CFA_RA_REGISTER) {
		register_of_pc = row.cfa_offset >> 8;
		lost = unwind__register(state, register_of_pc);
		if (lost)
			return unwind__end(state, (__u8)lost);
		pc = state->registers[register_of_pc & 15];
		if (cfa < state->sp)
			return unwind__end(state, PROFILE_STACK_ORDER);
	} else {
		if (cfa <= state->sp && row.cfa_kind != UNWIND_CFA_RBP_ELSEWHERE)
			return unwind__end(state, PROFILE_STACK_ORDER);
		if (unwind__read(&pc, sizeof(pc), cfa - 8))
			return unwind__end(state, PROFILE_MEMORY_FAULT);
	}
	lost = unwind__restore(state, row, cfa);
	if (lost)
		return unwind__end(state, (__u8)lost);
	return unwind__to_caller(state, pc, cfa);
}

/* `address` is in the current mapping. */
UNWIND_INLINE int unwind__by_table(struct unwind_state *state, __u64 address)
{
	__u64 key = address - state->bias;
	__u64 page = (key >> UNWIND_PAGE_SHIFT) - state->first_page;
	const union unwind_word *word;
	__u32 first;
	int index;

	if (page >= state->pages)
		return unwind__by_frame_pointer(state, PROFILE_NO_ROW);
	word = unwind__word(state->directory + (__u32)page);
	if (!word)
		return unwind__end(state, PROFILE_TABLE_TORN);
	if (!word->page.count)
		return unwind__by_frame_pointer(state, PROFILE_NO_ROW);
	first = word->page.first_row;
	index = unwind__search(first, word->page.count, 0, UNWIND_PAGE_MASK, key & UNWIND_PAGE_MASK);
	if (index < 0)
		return unwind__end(state, PROFILE_TABLE_TORN);
	word = unwind__word(first + (__u32)index);
	if (!word)
		return unwind__end(state, PROFILE_TABLE_TORN);
	return unwind__by_row(state, word->value);
}
