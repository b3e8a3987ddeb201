// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Unwind rows: what .eh_frame says, in 8 bytes per change of rule. The worker's parser writes tables of them, the
// unwinder in BPF reads them. x86-64 only.
//
// Sources of the rules: DWARF 5 section 6.4 (call frame information); System V psABI for x86-64 sections 3.2.2
// (stack frame, rbp), 3.4.1 (the outermost frame) and 3.6.2 (DWARF register numbers); LSB 5.0 Core sections 10.5 and
// 10.6 (.eh_frame, augmentations 'z' 'R' 'P' 'L' 'S').
//
// Words. `pc` is the address of a frame's code: for the interrupted frame, and for the frame that a signal interrupted,
// the exact instruction; for every other frame its return address. The CFA (canonical frame address) is what rsp is in the
// caller once the call has returned.
// rsp, rbp and rbx below are the values of the frame at hand, *(a) is the 8-byte word of user memory at a. Every offset
// in a row is in units of 8 bytes; `o8` below is that offset times 8, in bytes.
//
// Looking up a row
//   key   = pc - bias of the mapping (an ELF virtual address of the file); for a return address subtract 1 first: a call
//           that never returns may be the last instruction of its function, and the next function's rules are others.
//   page  = key >> UNWIND_PAGE_SHIFT; no entry: nothing is known of that address, as UNWIND_CFA_INVALID.
//   row   = the last one of [first_row, first_row + count) with pc_low <= (key & UNWIND_PAGE_MASK). The first row
//           of a page has pc_low 0, so there always is one, and rows of a page ascend strictly; count is 1 to
//           UNWIND_PAGE_ROWS_MAX, so UNWIND_SEARCH_STEPS halvings find it.
// From a row to the caller
//   1. CFA by cfa_kind.   2. RA = *(CFA - 8), unless cfa_kind says otherwise.   3. rbp by rbp_kind, rbx by rbx_offset,
//   both before rsp is replaced.   4. rsp = CFA.   5. The caller's pc is RA, a return address (subtract 1 for its
//   lookup), except after UNWIND_CFA_SIGNAL. The CFA must exceed the frame's own rsp (UNWIND_CFA_RA_REGISTER: or equal it),
//   except of UNWIND_CFA_SIGNAL, where the handler may have run on another stack, and UNWIND_CFA_RBP_ELSEWHERE.
// rbp and rbx are seldom needed: it suffices to carry the *address* where the caller's value was saved (or that it
// is in the register still) and to read it when a row, or the fall-back to frame pointers, asks for the value.
#pragma once

#include "records/record_header.h"

enum {
	UNWIND_PAGE_SHIFT = 16,
	UNWIND_PAGE_MASK = 0xffff,
	UNWIND_PAGE_ROWS_MAX = 16384, /* the most seen is 5,800 (cc1plus); a fuller page becomes one invalid row */
	UNWIND_SEARCH_STEPS = 14,     /* halvings from UNWIND_PAGE_ROWS_MAX candidates to one */
	UNWIND_ROWS_MAX = 8 << 20,    /* of a table; ClickHouse has 2.8 M */
	UNWIND_FORMAT_VERSION = 1,    /* of rows and pages, for whoever keeps them on disk */
};

/* How to find the CFA, and the return address where it is not *(CFA - 8). Append only: the number is the contract. A
 * kind that the reader does not know is as UNWIND_CFA_INVALID. */
enum unwind_cfa_kind {
	/* Nothing is known, cfa_offset is the enum unwind_invalid_reason. Frame pointers may be tried, as a guess that is
	 * counted as one: RA = *(rbp + 8), caller's rbp = *rbp, caller's rsp = rbp + 16. */
	UNWIND_CFA_INVALID = 0,
	/* CFA = rsp + o8; cfa_offset is unsigned. Over 99% of rows. */
	UNWIND_CFA_RSP = 1,
	/* CFA = rsp + o8 + UNWIND_FAR_BYTES; cfa_offset is unsigned. Frames of half a mebibyte and more. */
	UNWIND_CFA_RSP_FAR = 2,
	/* CFA = rbp + o8; cfa_offset is signed. */
	UNWIND_CFA_RBP = 3,
	/* A lazily bound PLT entry: the jump's index is pushed by an instruction that ends `cfa_offset` bytes (not words)
	 * into the 16-byte slot. CFA = rsp + 8 + ((pc & 15) >= cfa_offset ? 8 : 0), pc exact. */
	UNWIND_CFA_PLT = 4,
	/* CFA = *(rsp + a * 8) + b * 8, with a the low byte of cfa_offset, signed, and b its high byte, unsigned
	 * (unwind_deref_base, unwind_deref_add). Assembly that keeps the old rsp in a slot of an aligned frame. */
	UNWIND_CFA_RSP_DEREF = 5,
	/* The same from rbp. With b 0 it is GCC's realigned stack, whose argument pointer (DRAP) is saved at rbp + a * 8. */
	UNWIND_CFA_RBP_DEREF = 6,
	/* CFA = *(rsp + 8 * r9 + a * 8) + b * 8. OpenSSL's Montgomery products. r9 is known in the interrupted frame only,
	 * as of the kinds from UNWIND_CFA_REGISTER on. */
	UNWIND_CFA_RSP_R9_DEREF = 7,
	/* The kernel's signal frame (rt_sigreturn stub): rsp points to a struct ucontext whose registers begin 40 bytes in.
	 * CFA = *(rsp + 160), RA = *(rsp + 168), caller's rbp = *(rsp + 120), rbx = *(rsp + 128); rbp_kind and
	 * rbx_offset are not to be read. RA is the interrupted instruction itself: do *not* subtract 1 for its lookup, and
	 * all its registers are known, at rsp + UNWIND_UCONTEXT_* below. The stub's own pc is an ordinary return address (the
	 * rows begin one byte before it for that reason). */
	UNWIND_CFA_SIGNAL = 8,
	/* The outermost frame: the return address is undefined (_start, clone, thread start). The stack is complete. */
	UNWIND_CFA_STOP = 9,
	/* CFA = rsp + (low byte of cfa_offset, unsigned) * 8; RA = the register whose DWARF number is the high byte:
	 * nothing is read at CFA - 8. Interrupted frame only (vfork, which keeps it in rdi). */
	UNWIND_CFA_RA_REGISTER = 10,
	/* Code that keeps frame pointers by convention but has no rows (Go, trampolines): CFA = rbp + 16, RA = *(rbp + 8),
	 * caller's rbp = *rbp. It is a rule of the file, but in a prologue it skips the caller: weaker than UNWIND_CFA_RBP. */
	UNWIND_CFA_FRAME_POINTER = 11,
	/* CFA = rbp + o8 on another stack, above or below this one: it need not exceed rsp. cfa_offset is signed. Go's
	 * systemstack and asmcgocall, which call on the thread's own stack and keep the frame pointer of the goroutine's. */
	UNWIND_CFA_RBP_ELSEWHERE = 12,
	/* UNWIND_CFA_REGISTER + DWARF register number n (0 to 15, never 6 or 7): CFA = register n + o8; cfa_offset is
	 * signed. The register is known in the interrupted frame (and after UNWIND_CFA_SIGNAL) only, except rbx (3),
	 * which rbx_offset follows through callers: lazy binding (_dl_runtime_resolve) has its CFA there. */
	UNWIND_CFA_REGISTER = 64,
	UNWIND_CFA_REGISTER_LAST = 79,
	/* The same with CFA = register n + o8 + UNWIND_REGISTER_FAR_BYTES; cfa_offset is unsigned. Rust's loops that touch
	 * the pages of a large frame. */
	UNWIND_CFA_REGISTER_FAR = 80,
	UNWIND_CFA_REGISTER_FAR_LAST = 95,
};
#define UNWIND_FAR_BYTES 524288          /* 8 << 16: where UNWIND_CFA_RSP ends */
#define UNWIND_REGISTER_FAR_BYTES 262144 /* 8 << 15: where UNWIND_CFA_REGISTER ends */

/* The caller's rbp. Append only: the number is the contract. */
enum unwind_rbp_kind {
	UNWIND_RBP_SAME = 0,      /* unchanged: the register holds the caller's value */
	UNWIND_RBP_CFA = 1,       /* *(CFA + rbp_offset * 8) */
	UNWIND_RBP_RBP = 2,       /* *(rbp + rbp_offset * 8): saved relative to this frame's rbp (realigned stacks) */
	UNWIND_RBP_REGISTER = 3,  /* in the register with DWARF number rbp_offset; interrupted frame only, else unknown */
	UNWIND_RBP_UNDEFINED = 4, /* lost, or saved where a row cannot say: frames above are right until one needs rbp */
};

/* rbx_offset: the caller's rbx is *(CFA + rbx_offset * 8), but for these two values. */
enum unwind_rbx {
	UNWIND_RBX_SAME = 0,
	UNWIND_RBX_UNDEFINED = 127, /* lost, or saved where a row cannot say */
};

/* Why a row is UNWIND_CFA_INVALID. Append only: the number is the contract. */
enum unwind_invalid_reason {
	UNWIND_INVALID_GAP = 0,         /* no FDE covers the address */
	UNWIND_INVALID_EXPRESSION = 1,  /* the CFA is an expression of no known pattern */
	UNWIND_INVALID_CFA = 2,         /* the CFA's register or offset is not representable, or there is none */
	UNWIND_INVALID_RA = 3,          /* the return address is neither at CFA - 8 nor in a register */
	UNWIND_INVALID_RSP = 4,         /* the caller's rsp is not the CFA (context switches, longjmp) */
	UNWIND_INVALID_SIGNAL = 5,      /* a signal frame that is not the kernel's of x86-64 */
	UNWIND_INVALID_INSTRUCTION = 6, /* the instructions are truncated, unknown or contradict themselves */
	UNWIND_INVALID_LIMIT = 7,       /* a limit of the parser (rows of a page, remembered states) */
	UNWIND_INVALID_REASONS
};

struct unwind_row {
	__u16 pc_low;     /* offset in the 64 KiB page where the rules begin to hold */
	__u8 cfa_kind;    /* enum unwind_cfa_kind */
	__u8 rbp_kind;    /* enum unwind_rbp_kind */
	__u16 cfa_offset; /* as cfa_kind says; signed ones in two's complement */
	__s8 rbp_offset;  /* as rbp_kind says, 0 otherwise */
	__s8 rbx_offset;  /* enum unwind_rbx or words from the CFA */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct unwind_row) == 8, "unwind_row is part of the contract");

/* The rows of one page of a file, found by (file, ELF virtual address >> UNWIND_PAGE_SHIFT). */
struct unwind_page {
	__u32 first_row; /* index in the file's table */
	__u16 count;     /* 1 to UNWIND_PAGE_ROWS_MAX */
	__u16 flags;     /* none yet: 0 */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct unwind_page) == 8, "unwind_page is part of the contract");

static inline __s16 unwind_signed_offset(struct unwind_row row)
{
	return (__s16)row.cfa_offset;
}

static inline __s8 unwind_deref_base(struct unwind_row row)
{
	return (__s8)(row.cfa_offset & 0xff);
}

static inline __u8 unwind_deref_add(struct unwind_row row)
{
	return (__u8)(row.cfa_offset >> 8);
}

/* Byte offsets from rsp in an UNWIND_CFA_SIGNAL frame: struct ucontext of arch/x86, uc_mcontext at 40. */
enum unwind_ucontext {
	UNWIND_UCONTEXT_R8 = 40, /* r8 to r15 follow each other */
	UNWIND_UCONTEXT_RDI = 104,
	UNWIND_UCONTEXT_RSI = 112,
	UNWIND_UCONTEXT_RBP = 120,
	UNWIND_UCONTEXT_RBX = 128,
	UNWIND_UCONTEXT_RDX = 136,
	UNWIND_UCONTEXT_RAX = 144,
	UNWIND_UCONTEXT_RCX = 152,
	UNWIND_UCONTEXT_RSP = 160,
	UNWIND_UCONTEXT_RIP = 168,
};

/* DWARF register numbers of x86-64 (psABI figure 3.36). */
enum unwind_register {
	UNWIND_RAX = 0,
	UNWIND_RDX = 1,
	UNWIND_RCX = 2,
	UNWIND_RBX = 3,
	UNWIND_RSI = 4,
	UNWIND_RDI = 5,
	UNWIND_RBP = 6,
	UNWIND_RSP = 7,
	UNWIND_R8 = 8, /* r8 to r15 are 8 to 15 */
	UNWIND_R9 = 9,
	UNWIND_R15 = 15,
	UNWIND_RIP = 16, /* the return address column */
};
