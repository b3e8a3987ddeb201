// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which JavaScript function a frame of V8 runs: V8 9.4 to 13.6 (Node.js 16 to 24), x86-64, without pointer compression.
//
// A frame that V8 made is linked by rbp, whatever tier its code is of (src/execution/frame-constants.h)
//   rbp      the caller's rbp, and above it the return address
//   rbp - 8  the function's Context; in frames of V8's own that are no function's: the frame's type, twice its number
//   rbp - 16 the JSFunction
// Pointers into the heap end in 01 (HeapObject), small integers in 0 (Smi). The collector moves a young JSFunction at any
// time, its SharedFunctionInfo hardly ever, and that is what has the name. Where these fields are, the file itself tells by
// the symbols v8dbg_* (tools/gen-postmortem-metadata.py): userspace/symbols/v8/v8_layout.h.
#pragma once

#include "records/record_header.h"

enum {
	V8_FRAMES_MAX = 200, /* of a sample: each of its frames */
	V8_CONTEXT_OFFSET = -8, /* from rbp */
	V8_FUNCTION_OFFSET = -16,
	V8_TAG_MASK = 3,
	V8_HEAP_OBJECT_TAG = 1,
	V8_FRAME_TYPES = 64, /* numbers of types are below */
};

/* In bytes from an object's beginning. */
struct v8_layout {
	__u16 function_shared; /* JSFunction: its SharedFunctionInfo */
	__u16 shared_name;     /* SharedFunctionInfo: name_or_scope_info */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct v8_layout) == 4, "v8_layout");

/* A frame of V8: two words, behind the user frames that they tell of, in their order. The first one has the index of that
 * frame, counted from the first user frame, and below it the tagged SharedFunctionInfo, or, if that is no pointer to the
 * heap, the type of the frame. */
#define V8_FRAME_INDEX_SHIFT 56
#define V8_FRAME_VALUE_MASK 0xffffffffffffffULL
/* The second word: its name_or_scope_info, so that another object that is at its place by now tells itself. Of a type: 0. */
