// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every system call of targets with its result and duration. These hooks tax every call of the whole host, so they are
// attached for short bursts alone; each call that is seen stands for as many as the burst does for its period.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"
#include "lib/tasks.bpf.h"
#include "records/system_call.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the loader before it attaches. Nothing is observed after the end, however late it detaches: so the time that was
 * observed is known exactly. */
__u64 burst_begin_ns = 0;
__u64 burst_end_ns = 0;
__u32 burst_times = 1;
__u32 burst_watched = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct system_call_books);
} system_call_books SEC(".maps");

struct call_state {
	u64 begin_ns; /* 0: in no call that we saw begin */
	u32 number;   /* + 1, 0: of another table than ours */
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call_state);
} call_states SEC(".maps");

enum {
	/* include/linux/err.h, and what a call returns inside the kernel when a signal ends it: include/linux/errno.h */
	MAX_ERRNO = 4095,
	ERESTARTSYS = 512,
	ERESTART_RESTARTBLOCK = 516,
};

static __always_inline bool task__is_32_bit(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return false;
#endif
}

SEC("tp_btf/sys_enter")
int BPF_PROG(tp_btf__sys_enter, struct pt_regs *registers, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_state *state;

	if (!targets__contains(task->tgid))
		return 0;
	state = bpf_task_storage_get(&call_states, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		return 0;
	state->number = number < 0 || task__is_32_bit(task) ? 0 : (u32)number + 1;
	state->begin_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline u16 result__errno(long result)
{
	if (result >= 0 || result < -MAX_ERRNO)
		return 0;
	return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK ? EINTR : (u16)-result;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(tp_btf__sys_exit, struct pt_regs *registers, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_key key = {};
	struct call_state *state;
	u64 begin_ns, now_ns;

	if (!targets__contains(task->tgid))
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (now_ns >= burst_end_ns)
		return 0;
	key.owner = owner__of_target(task, task_state__find(task));
	state = bpf_task_storage_get(&call_states, task, NULL, 0);
	if (!state || state->begin_ns < burst_begin_ns) {
		key.signal = SIGNAL_SYSCALL_UNMEASURED;
		signal__count(&key, 1);
		return 0;
	}
	begin_ns = state->begin_ns;
	state->begin_ns = 0;
	key.signal = burst_watched ? SIGNAL_SYSCALL_WATCHED : SIGNAL_SYSCALL;
	key.label = result__errno(result);
	key.detail = state->number;
	signal__observe_times(&key, now_ns - begin_ns, burst_times);
	return 0;
}
