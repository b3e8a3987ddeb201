// SPDX-License-Identifier: Apache-2.0
// Waits for files to be on the disk: bpf/probes/fsync.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_fsync_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
