// SPDX-License-Identifier: Apache-2.0
// All probes of kernel signals: loads and attaches; privileged. What they are: bpf/README.md.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "kernel/shared_maps.h"
#include "probes/kernel_probe.h"
#include "probes/profile_probes.h"
#include "probes/signal_tables.h"
#include "probes/system_call_probe.h"

namespace hostlens::probes {

/// Attached for as long as it lives; nothing is pinned.
class KernelProbes {
 public:
  /// Whatever this kernel lets be attached; each refusal is in `report`, none ends the others.
  [[nodiscard]] static std::unique_ptr<KernelProbes> attach(
      kernel::AttachReport& report, const std::optional<ProfileProbesSettings>& profile = {});

  /// For the socket probe, which is attached after these: its hook of exit lets go of a target, and
  /// ours must have come before. It counts into the same tables.
  [[nodiscard]] const kernel::SharedMaps& maps() const { return maps_; }

  /// Owned by this; -1 each when no probe attached.
  [[nodiscard]] SignalTableFds tables() const;
  /// Link of the iterator over listeners, for a ListenerReader. Owned by this; -1: not there.
  [[nodiscard]] int listeners_fd() const { return listeners_.get(); }
  /// For a BurstSchedule: attached only while a burst runs. nullptr: refused.
  [[nodiscard]] SystemCallProbe* system_calls() const { return system_calls_.get(); }
  /// nullptr: not asked for, or refused.
  [[nodiscard]] ProfileProbes* profile() const { return profile_.get(); }
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  KernelProbes();

  kernel::SharedMaps maps_;
  base::UniqueFd listeners_;
  std::unique_ptr<SystemCallProbe> system_calls_;
  std::vector<std::unique_ptr<KernelProbe>> probes_;
  std::unique_ptr<ProfileProbes> profile_;
};

}  // namespace hostlens::probes
