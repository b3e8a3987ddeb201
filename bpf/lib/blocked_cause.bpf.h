/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a thread sleeps: the system call that it sleeps in, and what that call's descriptor is. */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/system_call.bpf.h"
#include "records/signal.h"

#define CAUSES_OF_CALLS 1024
/* The first argument is a descriptor, which decides. */
#define CAUSE_BY_DESCRIPTOR 255

/* enum blocked_cause by number of the system call, 0: other. Filled by the loader, who knows this machine's numbers. */
const volatile __u8 cause_of_call[CAUSES_OF_CALLS] = {};

/* S_IFMT and its values, include/uapi/linux/stat.h */
enum {
	MODE_KIND = 0170000,
	MODE_SOCKET = 0140000,
	MODE_REGULAR = 0100000,
	MODE_BLOCK = 0060000,
	MODE_DIRECTORY = 0040000,
	MODE_PIPE = 0010000,
};

static __always_inline u32 blocked_cause__of_nameless(struct file *file)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	char text[8] = {};

	if (bpf_probe_read_kernel(text, sizeof(text), name))
		return BLOCKED_OTHER;
	if (text[0] != '[')
		return 0;
	/* anon_inode_getfd() in fs/eventfd.c, fs/timerfd.c */
	if (text[1] == 'e' && text[5] == 't' && text[6] == 'f' && text[7] == 'd')
		return BLOCKED_IPC;
	if (text[1] == 't' && text[5] == 'r' && text[6] == 'f' && text[7] == 'd')
		return BLOCKED_TIMER;
	return BLOCKED_OTHER;
}

static __always_inline u32 blocked_cause__of_descriptor(struct task_struct *task, u64 descriptor)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;
	u32 kind, cause;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return BLOCKED_OTHER;
	if (bpf_probe_read_kernel(&file, sizeof(file), files + descriptor) || !file)
		return BLOCKED_OTHER;
	kind = BPF_CORE_READ(file, f_inode, i_mode) & MODE_KIND;
	if (kind == MODE_SOCKET)
		return BLOCKED_NETWORK;
	if (kind == MODE_PIPE)
		return BLOCKED_IPC;
	if (kind == MODE_BLOCK || kind == MODE_DIRECTORY)
		return BLOCKED_DISK;
	/* Nameless ones have no kind, or that of a regular file from Linux 6.17 on. */
	cause = kind && kind != MODE_REGULAR ? BLOCKED_OTHER : blocked_cause__of_nameless(file);
	if (cause)
		return cause;
	return kind == MODE_REGULAR ? BLOCKED_DISK : BLOCKED_OTHER;
}

/* Of the current task, which is about to sleep in `sleep_state`. */
static __always_inline u32 blocked_cause__of(struct task_struct *task, u32 sleep_state, const struct system_call *call)
{
	u32 cause = BLOCKED_OTHER;

	if (call->number >= 0 && call->number < CAUSES_OF_CALLS) {
		cause = cause_of_call[call->number];
		if (cause == CAUSE_BY_DESCRIPTOR)
			cause = blocked_cause__of_descriptor(task, call->first);
		else if (!cause)
			cause = BLOCKED_OTHER;
	} else if (!(task->flags & PF_IO_WORKER) && !(sleep_state & ~TASK_SLEEPS)) {
		return BLOCKED_PAGE_FAULT;
	}
	return cause == BLOCKED_OTHER && BPF_CORE_READ_BITFIELD(task, in_iowait) ? BLOCKED_DISK : cause;
}
