// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long the handlers of interrupts take. Timer ticks, calls between CPUs and machine checks have no handler that can be
// asked for (/proc/interrupts counts them). A soft interrupt's time includes hard ones that came meanwhile.
#include "lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/signals.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* On one CPU neither kind comes while another of its kind is handled. 0: none is. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, INTERRUPT_HARD + 1);
	__type(key, u32);
	__type(value, u64);
} handled_since_ns SEC(".maps");

static __always_inline int interrupt__begin(u32 type)
{
	u64 *since_ns = bpf_map_lookup_elem(&handled_since_ns, &type);

	if (since_ns)
		*since_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int interrupt__end(u32 type, u16 name, u32 number)
{
	struct signal_key key = { .signal = SIGNAL_INTERRUPT, .label = type | name << INTERRUPT_NAME_SHIFT, .detail = number };
	u64 *since_ns = bpf_map_lookup_elem(&handled_since_ns, &type);

	/* It had begun before we were there. */
	if (!since_ns || !*since_ns)
		return 0;
	signal__observe(&key, bpf_ktime_get_ns() - *since_ns);
	*since_ns = 0;
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(tp_btf__softirq_entry, u32 vector)
{
	return interrupt__begin(INTERRUPT_SOFT);
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(tp_btf__softirq_exit, u32 vector)
{
	return interrupt__end(INTERRUPT_SOFT, 0, vector);
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(tp_btf__irq_handler_entry, int irq, struct irqaction *action)
{
	return interrupt__begin(INTERRUPT_HARD);
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(tp_btf__irq_handler_exit, int irq, struct irqaction *action)
{
	char name[INTERRUPT_NAME_BYTES] = {};
	u16 hash = 0;

	if (action->flags & IRQF_SHARED && bpf_probe_read_kernel_str(name, sizeof(name), action->name) > 0)
		hash = interrupt_name__hash(name);
	return interrupt__end(INTERRUPT_HARD, hash, irq);
}
