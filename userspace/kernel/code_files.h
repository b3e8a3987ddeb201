// SPDX-License-Identifier: Apache-2.0
// Files that other processes execute, wherever they are: in containers, deleted, renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/process_key.h"

namespace hostlens::kernel {

/// Implemented by LocalCodeFiles (the supervisor, acts itself) and by the worker's channel to the
/// supervisor (asks). One thread.
class CodeFiles {
 public:
  virtual ~CodeFiles() = default;

  /// The regular file behind the mapping [start, limit) of a process, read-only. kNotFound: the
  /// process or the mapping is gone, or nothing that can be read is behind it.
  virtual base::Result<base::UniqueFd> open_code(model::ProcessKey process, uint64_t start,
                                                 uint64_t limit) = 0;
  /// Debug symbols for this build id (lower-case hex): a regular file below
  /// /usr/lib/debug/.build-id of the process's own root, or of the host's without a process.
  /// kNotFound: nothing. What a container has there may be anything.
  virtual base::Result<base::UniqueFd> open_debug_symbols(
      const std::optional<model::ProcessKey>& process, std::string_view build_id) = 0;
  /// /proc/kallsyms; whether it shows addresses is up to who opens it.
  virtual base::Result<base::UniqueFd> open_kernel_symbols() = 0;
};

/// Needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, and what ptrace(2) asks for. That the process is
/// still the one meant is not checked: who asks has read the mapping, and a wrong file tells itself
/// by its inode.
class LocalCodeFiles final : public CodeFiles {
 public:
  base::Result<base::UniqueFd> open_code(model::ProcessKey process, uint64_t start,
                                         uint64_t limit) override;
  base::Result<base::UniqueFd> open_debug_symbols(const std::optional<model::ProcessKey>& process,
                                                  std::string_view build_id) override;
  /// Addresses are there with CAP_SYSLOG, if kernel.kptr_restrict does not forbid them.
  base::Result<base::UniqueFd> open_kernel_symbols() override;
};

/// The regular file at an absolute path below `root`, a directory: links stay below it, too, and
/// what is no regular file is not opened at all. kNotFound: none.
[[nodiscard]] base::Result<base::UniqueFd> open_below(const std::string& root,
                                                      const std::string& path);

}  // namespace hostlens::kernel
