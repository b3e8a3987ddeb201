// SPDX-License-Identifier: Apache-2.0
// Inlined functions, files and lines from DWARF, by libdw: on demand only. It loads all of a file's
// .debug_* sections, and walks the tree of a whole unit for each address.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::symbols {

struct SourceLimits {
  uint64_t dwarf_bytes = 128U << 20;  ///< of .debug_* sections, decompressed
  uint32_t units = 1U << 16;
  uint32_t ranges = 1U << 20;
  uint32_t inlines = 64;             ///< frames for one address
  uint64_t time_ns = 5'000'000'000;  ///< for one file, until it is closed; then nothing is found
};

struct SourceFrame {
  std::string function;  ///< as the linker has it, else as the source has it; may be empty
  std::string file;      ///< may be empty
  uint32_t line = 0;     ///< 0: unknown
};

/// One file, owned. Not thread-safe. Neither here nor in libdw is any other file opened: a file
/// whose strings are in another one (dwz) is refused.
class SourceLines {
 public:
  /// kNotFound: no DWARF; kBusy: over a limit; kUnsupported: needs a supplementary file; kInvalid.
  /// Scans all units' ranges: a second for 100 MiB. `now_ns` is a monotonic clock.
  static base::Result<std::unique_ptr<SourceLines>> open(base::UniqueFd file,
                                                         const SourceLimits& limits,
                                                         std::function<uint64_t()> now_ns);
  virtual ~SourceLines() = default;

  /// Leaf first: inlined functions, then the one that they are in. Empty: nothing known, or out of
  /// time.
  [[nodiscard]] virtual std::vector<SourceFrame> find(uint64_t address) = 0;
  [[nodiscard]] virtual uint64_t bytes() const = 0;
};

}  // namespace hostlens::symbols
