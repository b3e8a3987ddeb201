// SPDX-License-Identifier: Apache-2.0
// Files written back by the kernel's own threads: bpf/probes/writeback.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_writeback_probe(
    const KernelProbeContext& context);

}  // namespace hostlens::probes
