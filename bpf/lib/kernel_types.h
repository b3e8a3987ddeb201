/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Just the kernel fields that our programs read. Offsets are corrected at load time (CO-RE), so neither
 * order nor what is left out matters; names and nesting must be the kernel's. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_SK_STORAGE_GET_F_CREATE = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
};

/* include/linux/socket.h, include/linux/net.h, include/net/tcp_states.h, include/linux/sched.h */
enum {
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	IPPROTO_TCP = 6,
	IPPROTO_UDP = 17,
	RCV_SHUTDOWN = 1,
	SHUTDOWN_MASK = 3,
	SOCK_LINGER = 4, /* bit of skc_flags: enum sock_flags, include/net/sock.h */
	MSG_OOB = 1,
	MSG_PEEK = 2,
	MSG_TRUNC = 0x20,
	MSG_ERRQUEUE = 0x2000,
	PF_IO_WORKER = 0x10,
	PF_FORKNOEXEC = 0x40,
	PF_KTHREAD = 0x200000,
	/* TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, TASK_WAKEKILL, TASK_NOLOAD, TASK_FREEZABLE: neither stopped nor traced */
	TASK_SLEEPS = 0x1 | 0x2 | 0x100 | 0x400 | 0x2000,
	TASK_DEAD = 0x80,
	EINTR = 4,
	ENOSYS = 38,
	EPIPE = 32,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
};
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

/* include/linux/mm_types_task.h: indices of rss_stat */
enum {
	MM_FILEPAGES,
	MM_ANONPAGES,
	MM_SWAPENTS,
	MM_SHMEMPAGES,
};

/* include/linux/interrupt.h */
enum {
	IRQF_SHARED = 0x80,
};

/* include/linux/blk_types.h, include/linux/blkdev.h */
enum {
	REQ_OP_READ = 0,
	REQ_OP_WRITE = 1,
	REQ_OP_FLUSH = 2,
	REQ_OP_DISCARD = 3,
	REQ_OP_SECURE_ERASE = 5,
	REQ_OP_ZONE_APPEND = 7,
	REQ_OP_WRITE_ZEROES = 9,
	REQ_OP_MASK = 0xff,
};

struct iovec {
	u64 iov_base;
	u64 iov_len;
};

struct user_msghdr {
	u64 msg_name;
	int msg_namelen;
	u64 msg_iov;
	u64 msg_iovlen;
	u64 msg_control;
	u64 msg_controllen;
	u32 msg_flags;
};

struct mmsghdr {
	struct user_msghdr msg_hdr;
	u32 msg_len;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};
struct net {
	struct ns_common ns;
};
typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct cgroup;
struct sock_cgroup_data {
	struct cgroup *cgroup; /* of cgroup v2; from Linux 5.16 */
};

struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	u32 sk_ack_backlog;     /* of a listener: connections that wait for accept(2) */
	u32 sk_max_ack_backlog; /* more than so many, and further ones are dropped */
	struct sock_cgroup_data sk_cgrp_data;
	u8 sk_shutdown;
	int sk_lingertime;
	u8 sk_kern_sock : 1;
	u16 sk_type;
	u16 sk_protocol;
	int sk_err;
};

struct inet_sock {
	__be16 inet_sport; /* stays when skc_num is given back at the close */
};

struct tcp_ulp_ops;
struct inet_connection_sock {
	const struct tcp_ulp_ops *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 copied_seq;
	u32 write_seq;
	u32 rcv_nxt;
	u32 snd_una;
	u32 srtt_us; /* smoothed round trip time << 3 */
	u32 total_retrans;
	u64 bytes_received;
	u64 bytes_acked;
	u64 bytes_sent;
	u64 bytes_retrans;
};

struct unix_sock {
	struct sock *peer;
};

struct socket {
	struct sock *sk;
	short type;
};

struct super_block {
	u32 s_dev;
};
struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};
struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct qstr d_name;
};
struct path {
	struct dentry *dentry;
};
struct file {
	void *private_data;
	struct path f_path;
	struct inode *f_inode;
};
struct kiocb {
	struct file *ki_filp;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};

struct signal_struct {
	atomic_t live;
};

struct thread_info {
	u32 status;
};

struct kernfs_node {
	u64 id;
	const char *name;
};
struct cgroup_root {
	int hierarchy_id;
};
struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct css_set {
	struct cgroup *dfl_cgrp; /* of cgroup v2 */
	struct cgroup_subsys_state *subsys[1];
};
enum cgroup_subsys_id {
	io_cgrp_id,
	memory_cgrp_id,
};
typedef struct {
	long counter;
} atomic_long_t;
struct page_counter {
	atomic_long_t usage;
	unsigned long max;
};
struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
};
struct percpu_counter {
	s64 count;
};
struct mm_struct {
	struct percpu_counter rss_stat[4];
};
struct mm_rss_stat {
	atomic_long_t count[4];
};
struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct sched_info {
	unsigned long pcount;
	u64 run_delay;
	u64 last_arrival;
	u64 last_queued;
};
struct rq {
	u64 clock;
};
struct cfs_rq {
	struct rq *rq;
};
struct sched_entity {
	struct cfs_rq *cfs_rq;
	u64 sum_exec_runtime;
};

struct thread_struct {
#if defined(__TARGET_ARCH_x86)
	unsigned long fsbase; /* of a thread that is on a CPU, as it was when it came there last */
#endif
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	int on_cpu;
	struct sched_entity se;
	unsigned int in_iowait : 1;
	int pid;
	int tgid;
	int exit_code;
	struct css_set *cgroups;
	u64 start_boottime;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct files_struct *files;
	struct sched_info sched_info;
	char comm[16];
	struct thread_struct thread;
};

struct hrtimer {
};
struct tick_sched {
	struct hrtimer sched_timer;
};
struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	u16 cs; /* a long before Linux 6.9, of which this is the part that counts */
	unsigned long sp;
#elif defined(__TARGET_ARCH_arm64)
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
#endif
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
};
struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
};

struct sk_buff {
	char cb[48];
};
struct tcp_skb_cb { /* in cb of a segment that TCP keeps */
	u16 tcp_gso_segs;
};

struct irqaction {
	unsigned int flags;
	const char *name;
};

struct gendisk {
	int major;
	int first_minor;
};
struct request_queue {
	struct gendisk *disk;
};
struct blkcg {
	struct cgroup_subsys_state css;
};
struct blkcg_gq {
	struct blkcg *blkcg;
};
struct bio {
	struct blkcg_gq *bi_blkg;
};
struct request {
	struct request_queue *q;
	struct bio *bio;
	unsigned int cmd_flags;
	unsigned int __data_len;
	u64 start_time_ns;
};

struct linux_binprm;
struct msghdr;

#pragma clang attribute pop
