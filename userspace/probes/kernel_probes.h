// SPDX-License-Identifier: Apache-2.0
// All probes of kernel signals: loads and attaches; privileged. What they are: bpf/README.md.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "kernel/shared_maps.h"
#include "probes/kernel_probe.h"
#include "probes/signal_tables.h"

namespace hostlens::probes {

/// Attached for as long as it lives; nothing is pinned.
class KernelProbes {
 public:
  /// Whatever this kernel lets be attached; each refusal is in `report`, none ends the others.
  [[nodiscard]] static std::unique_ptr<KernelProbes> attach(kernel::AttachReport& report);

  /// For the socket probe, which is attached after these: its hook of exit lets go of a target, and
  /// ours must have come before. -1: no probe has one.
  [[nodiscard]] int target_bits_fd() const;

  /// Owned by this; -1 each when no probe attached.
  [[nodiscard]] SignalTableFds tables() const;
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  KernelProbes();

  kernel::SharedMaps maps_;
  std::vector<std::unique_ptr<KernelProbe>> probes_;
};

}  // namespace hostlens::probes
