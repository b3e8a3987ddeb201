// SPDX-License-Identifier: Apache-2.0
// Reads what discovery wants to know of one process.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "discovery/cgroup_identity.h"
#include "kernel/host_access.h"
#include "model/container.h"
#include "model/process_key.h"

namespace hostlens::discovery {

/// A file's content, as long as nobody sets its times back: what is told of it may be remembered.
struct FileKey {
  uint64_t device = 0;
  uint64_t inode = 0;  ///< 0: no file
  int64_t modified_ns = 0;
  auto operator<=>(const FileKey&) const = default;
};
[[nodiscard]] FileKey file_key_of(const struct stat& status);

/// One look at a process. Raw bytes of the process: clean_text() before they leave the host.
struct ProcessFacts {
  model::ProcessKey key;
  uint32_t parent_pid = 0;
  std::string comm;
  std::string executable;  ///< path as the process sees it; "" for kernel threads and when refused
  FileKey executable_file;
  std::vector<std::string> arguments;
  CgroupIdentity cgroup;
  std::string cgroup_text;  ///< /proc/PID/cgroup as it is
  /// What a runtime tells of cgroup.container_id; not read here. id "": nothing.
  model::Container container;

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
  void read_executable(ProcessFacts& facts);

  kernel::HostAccess& host_;
  std::string proc_root_;
};

}  // namespace hostlens::discovery
