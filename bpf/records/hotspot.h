// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where HotSpot (the JVM of OpenJDK) keeps the code that it makes, and how a frame of it is told: x86-64, 64 bit.
//
// From an address to its caller
//   The code cache has up to three heaps, each with a map of a byte per segment: 0 where a block begins, else how far back to
//   go (share/memory/heap.cpp, CodeHeap::find_block_for). In a block is a CodeBlob, which knows the size of its frame: the
//   return address is the last word of it and the caller's rbp the one before (cpu/x86/frame_x86.inline.hpp,
//   frame::sender_for_compiled_frame). Frames of interpreted methods are a chain of rbp with words at fixed places
//   (cpu/x86/frame_x86.hpp, the same in 11 to 25). The interpreter itself is one range of addresses.
//
// Where the fields are the JVM says itself, in the tables that it exports for its serviceability agent (vmStructs.cpp): so
// neither a version nor a build matters, as long as what the tables name means what it did in 11, 17, 21 and 25.
#pragma once

#include "records/record_header.h"

enum {
	HOTSPOT_HEAPS_MAX = 3,       /* profiled, non-profiled, everything else: code/codeCache.cpp */
	HOTSPOT_SEGMENT_HOPS = 64,   /* each goes back up to 254 segments of 128 bytes */
	HOTSPOT_SEGMENT_FREE = 0xff, /* CodeHeap::free_sentinel */
	HOTSPOT_FRAME_WORDS_MAX = 8192, /* a compiled method's; the largest are some hundred words */
};

/* frame_x86.hpp: words from rbp. The frame of an interpreted method, from the lowest that matters on. */
enum hotspot_interpreted {
	HOTSPOT_INTERPRETED_FIRST = -8,
	HOTSPOT_INTERPRETED_BCP = -8,       /* interpreter_frame_bcp_offset: 0 in a native method */
	HOTSPOT_INTERPRETED_METHOD = -3,    /* interpreter_frame_method_offset */
	HOTSPOT_INTERPRETED_SENDER_SP = -1, /* interpreter_frame_sender_sp_offset */
	HOTSPOT_INTERPRETED_LINK = 0,
	HOTSPOT_INTERPRETED_RETURN = 1,
	HOTSPOT_INTERPRETED_WORDS = 10,
	HOTSPOT_ENTRY_RBX = -7, /* of the frame that native code calls Java by: stubGenerator_x86_64.cpp, call_stub */
};

/* The eight bytes that CodeBlob::_name of a compiled method begins with: "nmethod", "native nmethod" (a native method's wrapper). */
#define HOTSPOT_NAME_COMPILED 0x00646f6874656d6eULL
#define HOTSPOT_NAME_NATIVE 0x6e2065766974616eULL

struct hotspot_heap {
	__u64 start; /* of what is reserved; nothing is there where both are 0 */
	__u64 limit;
	__u64 segment_map;
};

/* By number of the space (records/profile.h). Written by the worker. */
struct hotspot_space {
	struct hotspot_heap heaps[HOTSPOT_HEAPS_MAX];
	__u64 interpreter_start;
	__u64 interpreter_limit;
	__u64 entry_return; /* StubRoutines::_call_stub_return_address: the caller of this frame is native */
	/* Offsets in bytes. */
	__u16 blob_name;
	__u16 blob_frame_size; /* int, in words */
	__u16 blob_frame_complete;
	__u16 blob_code;
	__u16 nmethod_compile_id;
	__u16 method_const;
	__u16 const_method_bytes; /* where its bytecodes begin */
	__u8 block_header;        /* from a block to its CodeBlob */
	__u8 segment_shift;
	__u8 code_is_offset; /* blob_code: an int to add to the CodeBlob's address, as from 23 on; else a pointer */
	__u8 frame_complete_bytes; /* 4, or 2 */
	__u8 reserved[6];
};
HOSTLENS_RECORD_ASSERT(sizeof(struct hotspot_space) == 120, "hotspot_space");

/* A frame of PROFILE_FRAME_JAVA has a second word: type (8 bits) | place (24 bits) | check (32 bits). */
enum hotspot_frame_type {
	HOTSPOT_FRAME_INTERPRETED = 1, /* address: Method; place: index of the bytecode; check: hotspot_method_check() */
	HOTSPOT_FRAME_COMPILED = 2,    /* address: of the code; place: bytes from the CodeBlob on; check: compile id */
	HOTSPOT_FRAME_STUB = 3,        /* the same; check: 0 */
};
#define HOTSPOT_FRAME_TYPE_SHIFT 56
#define HOTSPOT_FRAME_PLACE_SHIFT 32
#define HOTSPOT_FRAME_PLACE_MASK 0xffffffULL
enum { HOTSPOT_PLACE_UNKNOWN = 0xffffff };

/* So that another method that is at its place by now tells itself. */
static inline __u32 hotspot_method_check(__u64 const_method)
{
	return (__u32)(const_method >> 3);
}
