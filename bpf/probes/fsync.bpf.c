// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long targets wait for their files to be on the disk: ext4, by its stable tracepoints. Other file systems have none for
// the end of it: file.bpf.c.
#include "lib/kernel_types.h"

#include "lib/file_sync.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/ext4_sync_file_enter")
int BPF_PROG(tp_btf__ext4_sync_file_enter)
{
	return sync__begin();
}

SEC("tp_btf/ext4_sync_file_exit")
int BPF_PROG(tp_btf__ext4_sync_file_exit, struct inode *inode, int result)
{
	return sync__end(inode, result);
}
