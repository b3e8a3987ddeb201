// SPDX-License-Identifier: Apache-2.0
// The state of every thread, programs executed and processes ended: bpf/probes/process.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_process_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
