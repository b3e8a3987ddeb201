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

/// Where the file that a .gnu_debuglink names may lie, seen from the folder of the stripped file:
/// gdb's manual, "Debugging Information in Separate Files".
enum class DebugFolder : uint8_t {
  kBeside,    ///< in the same one
  kDotDebug,  ///< in .debug below it
  kDebugRoot  ///< in /usr/lib/debug, followed by that folder
};

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
  /// The ELF file of this name (is_file_name) in a folder that is told by the file behind the
  /// mapping [start, limit) of a process, below the process's own root. kNotFound: none.
  virtual base::Result<base::UniqueFd> open_linked_debug_file(model::ProcessKey process,
                                                              uint64_t start, uint64_t limit,
                                                              DebugFolder folder,
                                                              std::string_view name) = 0;
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
  base::Result<base::UniqueFd> open_linked_debug_file(model::ProcessKey process, uint64_t start,
                                                      uint64_t limit, DebugFolder folder,
                                                      std::string_view name) override;
  /// Addresses are there with CAP_SYSLOG, if kernel.kptr_restrict does not forbid them.
  base::Result<base::UniqueFd> open_kernel_symbols() override;
};

/// One component of a path, and none that leads elsewhere.
[[nodiscard]] bool is_file_name(std::string_view name);

/// Below the root of a process, for a file and that root as the kernel names both to us; "" when
/// the file is not below it, or would be its own debug file.
[[nodiscard]] std::string linked_debug_path(std::string_view file, std::string_view root,
                                            DebugFolder folder, std::string_view name);

/// The regular file at an absolute path below `root`, a directory: links stay below it, too, and
/// what is no regular file is not opened at all. kNotFound: none.
[[nodiscard]] base::Result<base::UniqueFd> open_below(const std::string& root,
                                                      const std::string& path);

}  // namespace hostlens::kernel
