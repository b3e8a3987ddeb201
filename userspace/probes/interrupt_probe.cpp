// SPDX-License-Identifier: Apache-2.0
#include "probes/interrupt_probe.h"

#include "bpf/interrupt.skel.h"

namespace hostlens::probes {
namespace {

constexpr char kInterrupts[] = "hostlens.interrupt.duration";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__softirq_entry", kInterrupts},
    {"tp_btf__softirq_exit", kInterrupts},
    {"tp_btf__irq_handler_entry", kInterrupts},
    {"tp_btf__irq_handler_exit", kInterrupts},
};

}  // namespace

std::unique_ptr<KernelProbe> attach_interrupt_probe(const KernelProbeContext& context) {
  const auto nothing = [](interrupt_bpf&) { return base::Result<void>{}; };
  return attach_kernel_probe<interrupt_bpf>("interrupt", kPrograms, context, nothing, nothing);
}

}  // namespace hostlens::probes
