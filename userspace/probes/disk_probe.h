// SPDX-License-Identifier: Apache-2.0
// Requests to disks: bpf/probes/disk.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_disk_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
