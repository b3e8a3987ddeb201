// SPDX-License-Identifier: Apache-2.0
// Sleeps of threads by cause, and their waits for a CPU: bpf/probes/scheduler.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_scheduler_probe(
    const KernelProbeContext& context);

}  // namespace hostlens::probes
