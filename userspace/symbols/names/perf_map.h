// SPDX-License-Identifier: Apache-2.0
// Names of JIT-compiled code from /tmp/perf-PID.map. Format: tools/perf/Documentation/
// jit-interface.txt of Linux: START SIZE NAME, hexadecimal, one line each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "symbols/names/line_feed.h"

namespace hostlens::symbols {

struct PerfMapLimits {
  uint32_t entries = 200'000;       ///< a large JVM has 30,000
  uint64_t bytes = 24U << 20;       ///< kept, estimated
  uint64_t file_bytes = 64U << 20;  ///< of one file; for who opens it
  uint32_t name_bytes = 1024;       ///< longer ones are cut
};

/// The name points into the map and lives until the next feed().
struct PerfMapSymbol {
  std::string_view name;  ///< valid UTF-8
  uint64_t start = 0;
};

/// One process's map; takes its file in pieces as it grows. Not thread-safe.
class PerfMap {
 public:
  explicit PerfMap(const PerfMapLimits& limits = {}) : limits_(limits) {}

  /// Later entries replace what they overlap: the runtime has put new code there. An earlier one
  /// that is covered in part keeps what is left of it on either side.
  void feed(std::string_view piece);

  [[nodiscard]] std::optional<PerfMapSymbol> find(uint64_t address) const;

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Lines that say nothing: broken, without a size, over a limit.
  [[nodiscard]] uint64_t skipped() const { return skipped_ + lines_.skipped(); }

 private:
  struct Entry {
    uint64_t limit = 0;
    uint64_t start = 0;  ///< of the function; its key may be what is left of it
    std::string name;
  };

  void add_line(std::string_view line);
  void make_room(uint64_t start, uint64_t limit);
  void insert(uint64_t key, Entry entry);

  PerfMapLimits limits_;
  LineFeed lines_{8192};
  std::map<uint64_t, Entry> entries_;  ///< by first address, disjoint
  uint64_t bytes_ = 0;
  uint64_t skipped_ = 0;
};

}  // namespace hostlens::symbols
