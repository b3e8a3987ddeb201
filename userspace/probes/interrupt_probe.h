// SPDX-License-Identifier: Apache-2.0
// Handlers of interrupts: bpf/probes/interrupt.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_interrupt_probe(
    const KernelProbeContext& context);

}  // namespace hostlens::probes
