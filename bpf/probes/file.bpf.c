// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long targets take to read, write and open regular files, from the page cache or not, and to have them on the disk
// where no tracepoint tells. The hooks are the file systems' own: pipes, sockets and /proc, which share the system calls, pay
// nothing, and what is called by a table of functions is never inlined.
#include "lib/kernel_types.h"

#include "lib/file_sync.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define S_IFMT 0170000
#define S_IFREG 0100000

static __always_inline int file__begin(void)
{
	struct task_state *state = task_state__of_target(bpf_get_current_task_btf());

	if (state)
		state->file_ns = bpf_ktime_get_ns();
	return 0;
}

/* `file` NULL: it was no such operation after all, or failed. */
static __always_inline int file__end(struct file *file, u16 operation)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_key key = { .signal = SIGNAL_FILE_IO, .label = operation };
	struct task_state *state;
	u64 begin_ns;

	state = task_state__of_target(task);
	if (!state || !state->file_ns)
		return 0;
	begin_ns = state->file_ns;
	state->file_ns = 0;
	if (!file || (file->f_inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	key.owner = owner__of_target(task, state);
	key.detail = file->f_inode->i_sb->s_dev;
	signal__observe(&key, bpf_ktime_get_ns() - begin_ns);
	return 0;
}

/* A negative result: failed, would have had to wait, or goes on without the thread (EIOCBQUEUED). */
#define FILE_OPERATION(function, operation)                                                        \
	SEC("fentry/" #function)                                                                   \
	int BPF_PROG(fentry__##function)                                                           \
	{                                                                                          \
		return file__begin();                                                              \
	}                                                                                          \
	SEC("fexit/" #function)                                                                    \
	int BPF_PROG(fexit__##function, struct kiocb *call, void *memory, s64 result)              \
	{                                                                                          \
		return file__end(result < 0 ? NULL : call->ki_filp, operation);                    \
	}

FILE_OPERATION(ext4_file_read_iter, FILE_READ)
FILE_OPERATION(ext4_file_write_iter, FILE_WRITE)
FILE_OPERATION(xfs_file_read_iter, FILE_READ)
FILE_OPERATION(xfs_file_write_iter, FILE_WRITE)
FILE_OPERATION(btrfs_file_read_iter, FILE_READ)
FILE_OPERATION(btrfs_file_write_iter, FILE_WRITE)

#define FILE_SYNC(function)                                                                        \
	SEC("fentry/" #function)                                                                   \
	int BPF_PROG(fentry__##function)                                                           \
	{                                                                                          \
		return sync__begin();                                                              \
	}                                                                                          \
	SEC("fexit/" #function)                                                                    \
	int BPF_PROG(fexit__##function, struct file *file, s64 from, s64 to, int data, int result) \
	{                                                                                          \
		return sync__end(file->f_inode, result);                                           \
	}

FILE_SYNC(xfs_file_fsync)
FILE_SYNC(btrfs_sync_file)
FILE_SYNC(f2fs_sync_file)

SEC("fentry/do_filp_open")
int BPF_PROG(fentry__do_filp_open)
{
	return file__begin();
}

SEC("fexit/do_filp_open")
int BPF_PROG(fexit__do_filp_open, int folder, void *name, void *how, struct file *file)
{
	/* IS_ERR: an error number instead of a file. */
	return file__end((u64)file >= (u64)-4095 ? NULL : file, FILE_OPEN);
}
