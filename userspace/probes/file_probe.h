// SPDX-License-Identifier: Apache-2.0
// Reads, writes and opens of regular files: bpf/probes/file.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_file_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
