// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where CPython keeps what a thread executes: 3.9 to 3.13, as released, 64 bit. Neither debug builds (Py_DEBUG) nor those
// without the GIL have this layout.
//
// From a thread to its frames
//   PyThreadState = pthread_getspecific(_PyRuntime.[gilstate.]autoTSSkey), which every thread has that runs Python, whether it
//   holds the GIL or not. Of subinterpreters' threads it may be another state: then runs and native frames do not agree.
//   frame = PyThreadState.frame (3.9, 3.10), .cframe->current_frame (3.11, 3.12), .current_frame (3.13); then by f_back or
//   previous. From 3.11 on a call from Python to Python stays within one _PyEval_EvalFrameDefault(): each of its native frames
//   stands for a run of Python frames, down to the entry frame, the one that C called.
//
// Offsets are those that the headers of 3.9.18, 3.10.13, 3.11.2, 3.11.7, 3.12.1 and 3.13.0 give (pycore_runtime.h,
// pycore_frame.h, cpython/pystate.h, cpython/code.h, frameobject.h); within a minor version the ABI does not change.
#pragma once

#include "records/record_header.h"

enum {
	PYTHON_FRAMES_MAX = 128, /* of a sample */
	PYTHON_FRAME_WORDS = 16, /* room for what is read of a frame, and of a code object */
	PYTHON_FRAME_BYTES_MASK = PYTHON_FRAME_WORDS * 8 - 1,
	PYTHON_NO_CFRAME = 0xffff,
};

/* Index into python_layouts. Append only. */
enum python_version {
	PYTHON_UNKNOWN = 0,
	PYTHON_3_9 = 1,
	PYTHON_3_10 = 2,
	PYTHON_3_11 = 3,
	PYTHON_3_12 = 4,
	PYTHON_3_13 = 5,
	PYTHON_VERSION_COUNT,
	PYTHON_LAYOUTS = 8, /* rows of the table, a power of two: as many as there are versions, or more */
};

/* How an entry frame is told. */
enum python_entry {
	PYTHON_ENTRY_EVERY = 0, /* every frame has a native frame of its own */
	PYTHON_ENTRY_FLAG = 1,  /* a byte of the frame says so */
	PYTHON_ENTRY_SHIM = 2,  /* behind it is a frame that the C stack owns, which is none itself */
};
enum { PYTHON_OWNED_BY_CSTACK = 3 }; /* enum _frameowner */

/* Offsets in bytes. What is read of a frame and of a code object begins at its start; the others count from there. */
struct python_layout {
	__u16 tss_key; /* in _PyRuntime: Py_tss_t */
	__u16 thread_id;
	__u16 thread_frame;
	__u16 cframe_frame; /* PYTHON_NO_CFRAME: the thread has the frame itself */
	__u16 frame_start;
	__u16 frame_bytes;
	__u16 frame_code;
	__u16 frame_previous;
	__u16 frame_at; /* int f_lasti; from 3.11 on a pointer to the instruction */
	__u16 frame_entry;
	__u16 code_start;
	__u16 code_bytes;
	__u16 code_first_line;
	__u16 code_name; /* co_qualname; co_name where there is none */
	__u16 code_instructions; /* of the object itself: co_code_adaptive; 0: f_lasti counts */
	__u8 entry;   /* enum python_entry */
	__u8 at_unit; /* bytes that f_lasti counts */
	/* Of the object itself, for who reads the names. */
	__u16 code_size;
	__u16 code_file;
	__u16 code_lines; /* co_lnotab (3.9), co_linetable */
	__u16 string_ascii;   /* where the characters of an ASCII string begin: sizeof(PyASCIIObject) */
	__u16 string_compact; /* and of others: sizeof(PyCompactUnicodeObject) */
	__u16 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct python_layout) == 44, "python_layout");

// clang-format off
static const struct python_layout python_layouts[PYTHON_LAYOUTS] = {
	{},
	{ .tss_key = 584, .thread_id = 176, .thread_frame = 24, .cframe_frame = PYTHON_NO_CFRAME,
	  .frame_start = 24, .frame_bytes = 88, .frame_code = 8, .frame_previous = 0, .frame_at = 80, .frame_entry = 0,
	  .code_start = 40, .code_bytes = 80, .code_first_line = 0, .code_name = 72, .code_instructions = 0,
	  .entry = PYTHON_ENTRY_EVERY, .at_unit = 1,
	  .code_size = 176, .code_file = 104, .code_lines = 120, .string_ascii = 48, .string_compact = 72, .reserved = 0 },
	{ .tss_key = 584, .thread_id = 176, .thread_frame = 24, .cframe_frame = PYTHON_NO_CFRAME,
	  .frame_start = 24, .frame_bytes = 80, .frame_code = 8, .frame_previous = 0, .frame_at = 72, .frame_entry = 0,
	  .code_start = 40, .code_bytes = 80, .code_first_line = 0, .code_name = 72, .code_instructions = 0,
	  .entry = PYTHON_ENTRY_EVERY, .at_unit = 2,
	  .code_size = 176, .code_file = 104, .code_lines = 120, .string_ascii = 48, .string_compact = 72, .reserved = 0 },
	{ .tss_key = 592, .thread_id = 152, .thread_frame = 56, .cframe_frame = 8,
	  .frame_start = 0, .frame_bytes = 72, .frame_code = 32, .frame_previous = 48, .frame_at = 56, .frame_entry = 68,
	  .code_start = 72, .code_bytes = 64, .code_first_line = 0, .code_name = 56, .code_instructions = 184,
	  .entry = PYTHON_ENTRY_FLAG, .at_unit = 0,
	  .code_size = 192, .code_file = 112, .code_lines = 136, .string_ascii = 48, .string_compact = 72, .reserved = 0 },
	{ .tss_key = 1544, .thread_id = 136, .thread_frame = 56, .cframe_frame = 0,
	  .frame_start = 0, .frame_bytes = 72, .frame_code = 0, .frame_previous = 8, .frame_at = 56, .frame_entry = 70,
	  .code_start = 64, .code_bytes = 72, .code_first_line = 4, .code_name = 64, .code_instructions = 192,
	  .entry = PYTHON_ENTRY_SHIM, .at_unit = 0,
	  .code_size = 200, .code_file = 112, .code_lines = 136, .string_ascii = 40, .string_compact = 56, .reserved = 0 },
	{ .tss_key = 2160, .thread_id = 152, .thread_frame = 72, .cframe_frame = PYTHON_NO_CFRAME,
	  .frame_start = 0, .frame_bytes = 72, .frame_code = 0, .frame_previous = 8, .frame_at = 56, .frame_entry = 70,
	  .code_start = 64, .code_bytes = 72, .code_first_line = 4, .code_name = 64, .code_instructions = 200,
	  .entry = PYTHON_ENTRY_SHIM, .at_unit = 0,
	  .code_size = 208, .code_file = 112, .code_lines = 136, .string_ascii = 40, .string_compact = 56, .reserved = 0 },
};
// clang-format on

/* How pthread_getspecific(3) finds a value. */
enum python_library {
	PYTHON_GLIBC = 0, /* struct pthread: specific_1stblock, 32 of { seq, data } */
	PYTHON_MUSL = 1,  /* struct pthread: tsd, a pointer to as many values as there are keys */
};
enum {
	PYTHON_GLIBC_KEYS = 32, /* PTHREAD_KEY_2NDLEVEL_SIZE: of the first block */
	PYTHON_GLIBC_DATA = 0x310 + 8,
	PYTHON_GLIBC_KEY_BYTES = 16,
	PYTHON_MUSL_KEYS = 128,
	PYTHON_MUSL_TSD = 0x80,
};

/* By number of the space (records/profile.h). Written by the worker. */
struct python_space {
	__u64 key_address; /* of the Py_tss_t: int is_initialized, then pthread_key_t */
	__u32 version;     /* enum python_version */
	__u32 library;     /* enum python_library */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct python_space) == 16, "python_space");

/* What became of a walk. Append only. */
enum python_outcome {
	PYTHON_NOT_WALKED = 0, /* the process is not known to run Python */
	PYTHON_COMPLETE = 1,
	PYTHON_NO_THREAD = 2,    /* the thread runs no Python, or it does not yet */
	PYTHON_TRUNCATED = 3,    /* PYTHON_FRAMES_MAX frames, and there are more */
	PYTHON_MEMORY_FAULT = 4, /* something was not in memory, or is no pointer */
	PYTHON_LAYOUT = 5,       /* what is there is not this version's thread state */
	PYTHON_KEY = 6,          /* the key is not among those that can be read */
	PYTHON_OUTCOME_COUNT
};

/* A Python frame: two words, leaf first. */
#define PYTHON_FRAME_ENTRY (1ULL << 63) /* C called it; 3.12 on: without a code object it stands for no frame at all */
#define PYTHON_FRAME_CODE_MASK 0xffffffffffffffULL
/* The second word: the offset of the instruction in bytes, 32 bits, signed, negative before the first one; then, in the upper
 * half, this of the code object, so that another one that is at its place by now tells itself. */
static inline __u32 python_code_check(__u32 first_line, __u64 name)
{
	return first_line * 2654435761u ^ (__u32)(name >> 4);
}
