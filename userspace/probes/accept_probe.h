// SPDX-License-Identifier: Apache-2.0
// How long connections wait for accept(2): bpf/probes/accept.bpf.c.
#pragma once

#include <memory>

#include "probes/kernel_probe.h"

namespace hostlens::probes {

/// null: refused, see the report.
[[nodiscard]] std::unique_ptr<KernelProbe> attach_accept_probe(const KernelProbeContext& context);

}  // namespace hostlens::probes
