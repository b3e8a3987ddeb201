// SPDX-License-Identifier: Apache-2.0
// Reads what discovery wants to know of one process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "discovery/cgroup_identity.h"
#include "kernel/host_access.h"
#include "model/process_key.h"

namespace hostlens::discovery {

/// One look at a process. Raw bytes of the process: clean_text() before they leave the host.
struct ProcessFacts {
  model::ProcessKey key;
  uint32_t parent_pid = 0;
  std::string comm;
  std::string executable;  ///< path as the process sees it; "" for kernel threads and when refused
  std::vector<std::string> arguments;
  CgroupIdentity cgroup;
  std::string cgroup_text;  ///< /proc/PID/cgroup as it is

  /// Arguments joined with blanks.
  [[nodiscard]] std::string command_line() const;
};

/// Opens world-readable files itself and asks HostAccess for the others, and for all when /proc
/// hides them (hidepid). One thread; neither host access nor the root directory may end before it.
class ProcessReader {
 public:
  ProcessReader(kernel::HostAccess& host, std::string proc_root)
      : host_(host), proc_root_(std::move(proc_root)) {}

  /// nullopt when there is no such process (any more) or it is dead. `with_executable` costs a
  /// request to the supervisor.
  [[nodiscard]] std::optional<ProcessFacts> read(uint32_t pid, bool with_executable);
  /// The environment's first 64 KiB, "" when refused.
  [[nodiscard]] std::string read_environment(model::ProcessKey key);
  [[nodiscard]] std::optional<uint32_t> read_effective_uid(uint32_t pid) const;
  /// Start time of the process that has this pid now; nullopt when there is none.
  [[nodiscard]] std::optional<uint64_t> read_start_ticks(uint32_t pid);
  /// Every pid under the root, in no order.
  [[nodiscard]] std::vector<uint32_t> list() const;
  [[nodiscard]] const std::string& proc_root() const { return proc_root_; }
  [[nodiscard]] kernel::HostAccess& host() const { return host_; }

 private:
  [[nodiscard]] std::string path_of(uint32_t pid, const char* file) const;
  [[nodiscard]] std::string read_file(model::ProcessKey key, const char* file,
                                      kernel::ProcessFile what, size_t limit);
  [[nodiscard]] std::string read_executable(model::ProcessKey key);

  kernel::HostAccess& host_;
  std::string proc_root_;
};

}  // namespace hostlens::discovery
