// SPDX-License-Identifier: Apache-2.0
// Stalls for want of memory, and kills: bpf/probes/memory.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_memory_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
