// SPDX-License-Identifier: Apache-2.0
// Which programs are worth a series of their own among the processes that are no targets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hostlens::scrapers {

/// Ranks programs by their shares of CPU time and resident memory, smoothed over a few rounds. The
/// `places` best keep their places until another one clearly beats them, so that series do not come
/// and go with every round. One thread.
class ProcessRank {
 public:
  explicit ProcessRank(size_t places) : places_(places) {}

  /// Between two calls of settle(): what one process used since the last round.
  void add(std::string_view program, uint64_t cpu_ticks, uint64_t resident_pages);
  /// Ends the round.
  void settle();
  [[nodiscard]] bool has_place(std::string_view program) const;

 private:
  struct Program {
    uint64_t cpu_ticks = 0, resident_pages = 0;  ///< of this round
    double score = 0;
    bool placed = false;
    bool seen = true;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  size_t places_;
  std::unordered_map<std::string, Program, Hash, std::equal_to<>> programs_;
};

}  // namespace hostlens::scrapers
