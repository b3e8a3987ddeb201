// SPDX-License-Identifier: Apache-2.0
// The executable mappings among those of /proc/PID/maps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hostlens::symbols {

/// proc_pid_maps(5).
struct CodeMapping {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;  ///< in the file
  uint64_t device = 0;  ///< major << 32 | minor, as the file system calls itself here
  uint64_t inode = 0;   ///< 0: no file
  std::string path;     ///< "[vdso]", "/usr/lib/libc.so.6 (deleted)"; "" when it has no name

  bool operator==(const CodeMapping&) const = default;
};

/// In the order of the text, that of addresses; lines that make no sense are left out, and what
/// comes after `most` mappings too. The vsyscall page, which is no code, is none.
[[nodiscard]] std::vector<CodeMapping> parse_code_mappings(std::string_view maps, size_t most);

/// Reads such a file to its end; kBusy when it has over `most_bytes`.
[[nodiscard]] base::Result<std::string> read_maps(int fd, size_t most_bytes);

}  // namespace hostlens::symbols
