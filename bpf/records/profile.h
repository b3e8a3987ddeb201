// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Profiles: the samples that the kernel sends, and the tables that userspace writes for its unwinder.
//
// Tables. Everything of variable size (rows, directories of pages, lists of mappings) lies in slabs: arrays of a mebibyte of
// 8-byte words that the supervisor makes one by one, as they are needed, and the worker writes through mmap. A word is named
// by one number over all slabs; a group of words that one entry points to never lies across two slabs.
//   process (pid)       -> space, and the space it was forked from        written by the kernel
//   space               -> its mappings, in the order of addresses        written by the worker
//   mapping             -> executable and bias                            written by the worker
//   executable          -> directory: one unwind_page per 64 KiB of code  written by the worker
//   page                -> rows (records/unwind.h)                        written by the worker
// A space is an address space as of one exec or one fork. Its number is given by the kernel and never again, so whoever
// writes late for a process that has executed another program meanwhile writes what nobody looks up. A forked process
// uses its parent's space until the worker fills its own, which is not needed before the two differ; so it is known
// before its first instruction and nothing is copied.
//
// How the worker learns what to fill: at start by reading the table of processes (an iterator has filled it); then by
// notices, which wake it: of every exec, where the program and the loader can be made known before the first sample; of the first
// sample with an address or a process that is not known, at once, then with a back-off per process. A space is dead when
// no process names it: the worker reads the table of processes and drops what it does not find.
#pragma once

#include "records/hotspot.h"
#include "records/process.h"
#include "records/python.h"
#include "records/unwind.h"
#include "records/v8.h"

enum {
	UNWIND_SLAB_SHIFT = 17, /* words of a slab: a mebibyte, what one slab more or less costs */
	UNWIND_SLAB_WORDS = 1 << UNWIND_SLAB_SHIFT,
	UNWIND_SLABS_MAX = 512,
	UNWIND_EXECUTABLES_MAX = 8192, /* number 0 is none */
	UNWIND_DIRECTORY_MAX = 65536,  /* pages: four gibibytes from the first to the last of one file */
	UNWIND_MAPPINGS_MAX = 8192,    /* executable ones of one space; at most UNWIND_PAGE_ROWS_MAX: one search serves both */
	UNWIND_MAPPING_SHIFT = 2,      /* words of a mapping */
	UNWIND_FRAMES_MAX = 200,       /* user frames of a sample */
	PROFILE_KERNEL_FRAMES_MAX = 127, /* kernel.perf_event_max_stack */
	PROFILE_FRAMES_MAX = 2 * UNWIND_FRAMES_MAX + PROFILE_KERNEL_FRAMES_MAX, /* words: see profile_frame_kind */
	PROFILE_WORDS_MAX = PROFILE_FRAMES_MAX + 2 * V8_FRAMES_MAX, /* Python has fewer */
	PROFILE_STACK_PAGE = 4096,
	PROFILE_STACK_PAGES = 4, /* of a raw stack */
	PROFILE_RAW_IN_A_ROW = 64, /* raw stacks of a process until the worker has answered its notice */
};

union unwind_word {
	__u64 value;
	struct unwind_row row;
	struct unwind_page page; /* first_row: over all slabs; count 0: nothing is known of that page */
};
HOSTLENS_RECORD_ASSERT(sizeof(union unwind_word) == 8, "unwind_word is part of the contract");

/* Of one executable file, shared by all processes that map it. */
struct unwind_executable {
	__u32 directory;  /* word of the page `first_page` */
	__u32 first_page; /* ELF virtual address >> UNWIND_PAGE_SHIFT */
	__u32 pages;      /* written last, cleared first; 0: no table (yet, or any more) */
	__u32 used_s;     /* CLOCK_MONOTONIC of the last sample in it, in seconds: written by the kernel */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct unwind_executable) == 16, "unwind_executable is part of the contract");

/* UNWIND_MAPPING_SHIFT: four words. */
struct unwind_mapping {
	__u64 start;
	__u64 limit; /* the first address behind it */
	__u64 bias;  /* address - bias is an ELF virtual address of the file */
	__u32 executable; /* 0: code without a file (JIT), which is tried by frame pointers */
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct unwind_mapping) == 8 << UNWIND_MAPPING_SHIFT, "unwind_mapping is part of the contract");

enum unwind_space_flag {
	/* It makes code at run time: an unknown address is tried by frame pointers, as code that is too new to be known. */
	UNWIND_SPACE_JIT = 1,
	UNWIND_SPACE_PYTHON = 2, /* it is in the table of records/python.h too */
	UNWIND_SPACE_HOTSPOT = 4, /* it is in the table of records/hotspot.h too */
	UNWIND_SPACE_V8 = 8,      /* frames without rows may be V8's: records/v8.h */
};

struct unwind_space {
	__u32 first; /* word of the first mapping */
	__u16 count; /* at most UNWIND_MAPPINGS_MAX; 0: its process has no code that is known */
	__u16 flags;
	struct v8_layout v8; /* UNWIND_SPACE_V8 */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct unwind_space) == 12, "unwind_space is part of the contract");

/* By pid (thread group). Written by the kernel alone. */
struct profile_process {
	__u64 start_boottime_ns;
	__u64 space;     /* its own */
	__u64 inherited; /* serves while its own is not filled; 0: none */
	__u64 noticed_ns; /* CLOCK_MONOTONIC of the last notice */
	__u32 back_off_ms;
	__u32 noticed_first; /* unwind_space.first as of then: once that has changed, a notice need not wait */
	__u32 raw_sent; /* since then */
	__u32 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct profile_process) == 48, "profile_process is part of the contract");

/* What became of a sample's user stack. Append only: the number is the contract. */
enum profile_outcome {
	PROFILE_COMPLETE = 0, /* it ends at a frame that has no caller by its rows */
	/* It ends at a return address or frame pointer of 0. Complete if the last frame is an entry that is known by name
	 * (runtime.goexit, a JVM's thread entry); rows do not tell of those. */
	PROFILE_ENDED = 1,
	PROFILE_KERNEL_THREAD = 2, /* has no user stack: complete */
	PROFILE_EXITING = 3,       /* has none any more, or not yet (exec): complete */
	PROFILE_TRUNCATED = 4,     /* UNWIND_FRAMES_MAX frames, and there are more */
	PROFILE_NOT_READY = 5,     /* nothing is known of its mappings yet */
	PROFILE_NO_MAPPING = 6,    /* the last frame is in no known mapping */
	PROFILE_NO_TABLE = 7,      /* the file has no table, and frame pointers led nowhere */
	PROFILE_NO_ROW = 8,        /* the table does not cover the address, and the same */
	PROFILE_EXPRESSION = 9,    /* a rule that rows cannot express, and the same */
	PROFILE_INVALID_ROW = 10,  /* any other invalid row, and the same */
	PROFILE_FRAME_POINTER = 11, /* code that has frame pointers only, and they led nowhere */
	PROFILE_MEMORY_FAULT = 12, /* a page of the stack was not in memory */
	PROFILE_REGISTER_LOST = 13, /* a rule needs a register that is known no more */
	PROFILE_STACK_ORDER = 14,  /* the caller's frame would not lie above: a broken stack, or a wrong row */
	PROFILE_COMPAT = 15,       /* a 32-bit program */
	PROFILE_UNSUPPORTED = 16,  /* this machine's stacks are not unwound */
	PROFILE_TABLE_TORN = 17,   /* a table points outside of the slabs */
	PROFILE_NO_STACK = 18,     /* off CPU: a sum of times whose stacks were not looked at */
	PROFILE_OUTCOME_COUNT
};

/* Index into the per-CPU books: the outcomes, then these. Append only. */
enum profile_book {
	PROFILE_BOOK_SAMPLES = 32, /* that should be in the ring: those with an outcome, of processes that are wanted */
	PROFILE_BOOK_RING_FULL = 33, /* of these, lost */
	PROFILE_BOOK_GUESSED = 34,   /* of these, with a caller that was found by a frame pointer for want of a row */
	PROFILE_BOOK_NOTICES = 35,
	PROFILE_BOOK_NOTICES_LOST = 36,
	PROFILE_BOOK_PROCESSES_LOST = 37, /* the table of processes was full: these are not ready for as long as they live */
	PROFILE_BOOK_RAW = 38,            /* raw stacks sent */
	PROFILE_BOOK_RAW_LOST = 39,       /* not sent: over budget, ring full, or not in memory */
	/* Off CPU. None of these loses time, but for the first and the last. */
	PROFILE_BOOK_THREAD_UNKNOWN = 40, /* switches of threads that nothing is kept of */
	/* 41 is given no more: it was wake-ups that were not seen, when these were hooked. */
	PROFILE_BOOK_UNSEEN_SWITCH = 42,  /* back to a CPU: the time is that of the next stack of the thread */
	PROFILE_BOOK_OVER_BUDGET = 43,    /* sleeps and waits whose time goes to a later stack of the thread */
	PROFILE_BOOK_LOST_NS = 44,        /* nanoseconds that were in no record: the ring was full when all ended */
	PROFILE_BOOK_SAMPLER_NS = 45,     /* nanoseconds that samples of CPUs took, and how many these were */
	PROFILE_BOOK_SAMPLER_RUNS = 46,
	PROFILE_BOOK_PYTHON = 47, /* and on: enum python_outcome, of samples */
	PROFILE_BOOK_COUNT = PROFILE_BOOK_PYTHON + PYTHON_OUTCOME_COUNT
};

/* Of a time off CPU; 0: it is a sample of a CPU. The first are enum blocked_cause (records/signal.h). Append only. */
enum profile_cause {
	PROFILE_CAUSE_RUNQUEUE = 32, /* the wait for a CPU */
	PROFILE_CAUSE_SHORT = 33,    /* sleeps and waits that are below the threshold each */
};

/* A user frame: return address (1 bit) | kind (3 bits) | the rest by kind. The interrupted instruction, and the one that a
 * signal interrupted, are exact; of every other frame the address is where its callee returns to, and the call is before it. */
enum profile_frame_kind {
	PROFILE_FRAME_FILE = 1,      /* executable (20 bits) | ELF virtual address (40 bits) */
	PROFILE_FRAME_ANONYMOUS = 2, /* address (60 bits), in executable memory without a file */
	PROFILE_FRAME_UNKNOWN = 3,   /* address (60 bits), in no known mapping */
	PROFILE_FRAME_JAVA = 4,      /* address (60 bits), and a second word: records/hotspot.h */
};
#define PROFILE_FRAME_RETURN (1ULL << 63)
#define PROFILE_FRAME_KIND_SHIFT 60
#define PROFILE_FRAME_KIND_MASK 7ULL
#define PROFILE_FRAME_EXECUTABLE_SHIFT 40
#define PROFILE_FRAME_EXECUTABLE_MASK 0xfffffULL
#define PROFILE_FRAME_OFFSET_MASK 0xffffffffffULL
#define PROFILE_FRAME_ADDRESS_MASK 0xfffffffffffffffULL

enum profile_sample_flag {
	PROFILE_SAMPLE_GUESSED = 1, /* a caller was found by a frame pointer for want of a row */
	/* A profile_raw_record of the same thread and time came before it: once the tables are there, that tells the user
	 * stack, and these frames are to be forgotten. */
	PROFILE_SAMPLE_RAW = 2,
	/* Off CPU, when wakers are asked for. The last RECORD_PROFILE_WAKER of this thread that came before it tells who ended the
	 * sleep. */
	PROFILE_SAMPLE_WAKER = 4,
	PROFILE_SAMPLE_INTERRUPT = 8, /* an interrupt ended it */
};

/* RECORD_PROFILE_WAKER is a profile_sample_record of the thread that wakes another: `weight` is the thread id of that one,
 * `cause` is this. Without a user stack (PROFILE_NO_STACK) where the waker is none of those that are profiled. */
enum profile_waker {
	PROFILE_WAKER_THREAD = 1,
	PROFILE_WAKER_SOFTIRQ = 2, /* in one; whether that is the thread's doing, the kernel stack tells */
};

/* Followed by kernel_frames addresses of the kernel, then user_frames frames of one word or two, then python_frames of two words
 * each (records/python.h), then v8_frames of two words each (records/v8.h); each leaf first. */
struct profile_sample_record {
	struct record_header header;
	struct record_process process;
	__u64 cgroup_id; /* cgroup v2 */
	__u64 weight;    /* samples; with a cause, nanoseconds */
	char comm[PROCESS_COMM_BYTES]; /* of the thread */
	__u16 kernel_frames;
	__u16 user_frames;
	__u8 outcome; /* enum profile_outcome */
	__u8 flags;   /* enum profile_sample_flag */
	__u8 cause;   /* enum blocked_cause, enum profile_cause */
	__u8 python_outcome; /* enum python_outcome */
	__u16 python_frames;
	__u16 python_version; /* enum python_version */
	__u16 v8_frames;
	__u16 reserved;
};
HOSTLENS_RECORD_ASSERT(sizeof(struct profile_sample_record) == 80, "profile_sample_record");

/* What a stack is unwound from when the tables come too late. Followed by the pages of the stack from `stack_start` on, as
 * far as they were in memory: header.size tells. x86-64 only. */
struct profile_raw_record {
	struct record_header header;
	struct record_process process;
	__u64 space;
	__u64 inherited;
	__u64 pc;
	__u64 registers[16]; /* by DWARF number */
	__u64 stack_start;   /* the page of rsp */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct profile_raw_record) == 192, "profile_raw_record");

enum profile_notice_reason {
	PROFILE_NOTICE_EXEC = 1,     /* `space` is new and empty */
	PROFILE_NOTICE_PROCESS = 2,  /* sampled, and neither `space` nor the one it inherited is filled */
	PROFILE_NOTICE_ADDRESS = 3,  /* sampled at `address`, which is in no mapping of the space that served */
	PROFILE_NOTICE_TABLE = 4,    /* sampled in `executable`, which has no table */
};

struct profile_notice_record {
	struct record_header header;
	struct record_process process;
	__u64 space; /* the process's own, whichever served */
	__u64 address;
	__u32 executable;
	__u32 reason; /* enum profile_notice_reason */
};
HOSTLENS_RECORD_ASSERT(sizeof(struct profile_notice_record) == 56, "profile_notice_record");
