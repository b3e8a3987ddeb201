// SPDX-License-Identifier: Apache-2.0
// Major page faults of targets: bpf/probes/fault.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_fault_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
