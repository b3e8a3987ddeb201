// SPDX-License-Identifier: Apache-2.0
// The kernel's verdict on whose payload may be copied: one bit per process, and a set of cgroups.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace hostlens::kernel {

/// View on two things that a loaded probe owns and must outlive it. Bits are set and cleared by
/// atomic operations, because the kernel does so at the same time (fork inherits, exit clears). Any
/// thread.
class TargetTable {
 public:
  /// `bits` is mapped memory of the probe, one bit per pid from 0; `cgroups_fd` a hash of cgroup v2
  /// ids.
  TargetTable(uint64_t* bits, size_t words, int cgroups_fd)
      : bits_(bits), words_(words), cgroups_fd_(cgroups_fd) {}

  /// kInvalid: no such pid can exist.
  [[nodiscard]] base::Result<void> set_process(uint32_t pid, bool is_target);
  [[nodiscard]] bool is_target(uint32_t pid) const;
  /// Programs executed in this cgroup become targets. kBusy: the set is full.
  [[nodiscard]] base::Result<void> set_cgroup(uint64_t cgroup_id, bool is_target);

 private:
  uint64_t* bits_;
  size_t words_;
  int cgroups_fd_;
};

}  // namespace hostlens::kernel
