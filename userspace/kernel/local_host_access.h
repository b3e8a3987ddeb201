// SPDX-License-Identifier: Apache-2.0
// The supervisor's own hands: opens /proc files of other processes and marks targets.
#pragma once

#include <string>

#include "kernel/host_access.h"
#include "kernel/target_table.h"

namespace hostlens::kernel {

/// Needs CAP_SYS_PTRACE for other users' processes. The table must outlive it. One thread.
class LocalHostAccess : public HostAccess {
 public:
  explicit LocalHostAccess(TargetTable targets, std::string proc_root = "/proc")
      : targets_(targets), proc_root_(std::move(proc_root)) {}

  base::Result<base::UniqueFd> open_process_file(model::ProcessKey key, ProcessFile what) override;
  base::Result<void> set_target(model::ProcessKey key, bool is_target) override;
  base::Result<void> set_target_cgroup(uint64_t cgroup_id, bool is_target) override;
  /// Whether this process lives.
  [[nodiscard]] bool is_same(model::ProcessKey key) const {
    return check_identity(key).has_value();
  }

 private:
  [[nodiscard]] std::string process_path(uint32_t pid) const;
  /// kNotFound when `key` does not live (any more) under its pid.
  [[nodiscard]] base::Result<void> check_identity(model::ProcessKey key) const;

  TargetTable targets_;
  std::string proc_root_;
};

}  // namespace hostlens::kernel
