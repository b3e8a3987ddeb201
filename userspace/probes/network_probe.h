// SPDX-License-Identifier: Apache-2.0
// Packets dropped, segments sent again, accept queues: bpf/probes/network.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report. Puts the iterator over listeners into `context.listeners`, and
/// what the kernel calls its reasons into the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_network_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
