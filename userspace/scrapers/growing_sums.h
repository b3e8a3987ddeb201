// SPDX-License-Identifier: Apache-2.0
// Sums of counters over members (processes, cgroups) that come, go and change groups: such a sum
// never falls, since only what a member grew by since its last reading is added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hostlens::scrapers {

template <size_t N>
using Readings = std::array<std::optional<uint64_t>, N>;

/// One member's last readings: all 0 for one that is new, which then brings all it has counted.
template <size_t N>
using LastReadings = std::array<uint64_t, N>;

template <size_t N>
class GrowingSums {
 public:
  /// Before the members of a new round.
  void begin() { missing_.fill(false); }

  /// A reading that is absent makes the sum unknown for this round; one below the last (a counter
  /// that was reset) adds nothing.
  void grow(LastReadings<N>& last, const Readings<N>& now) {
    for (size_t i = 0; i < N; ++i) missing_[i] = missing_[i] || !now[i];
    grow_by_known(last, now);
  }

  /// As grow, of a member that has ended: what it does not tell any more is nothing.
  void grow_by_known(LastReadings<N>& last, const Readings<N>& now) {
    for (size_t i = 0; i < N; ++i) {
      if (!now[i]) continue;
      if (*now[i] > last[i]) total_[i] += *now[i] - last[i];
      last[i] = *now[i];
      known_[i] = true;
    }
  }

  /// nullopt: never told by any member, or not by all of them now.
  [[nodiscard]] std::optional<uint64_t> operator[](size_t i) const {
    return known_[i] && !missing_[i] ? std::optional<uint64_t>(total_[i]) : std::nullopt;
  }

 private:
  std::array<uint64_t, N> total_{};
  std::array<bool, N> known_{};
  std::array<bool, N> missing_{};
};

/// Sum of what each member has now; unknown when one does not tell.
class PresentSum {
 public:
  void add(std::optional<uint64_t> amount) {
    missing_ = missing_ || !amount;
    sum_ += amount.value_or(0);
  }
  [[nodiscard]] std::optional<uint64_t> value() const {
    return missing_ ? std::nullopt : std::optional<uint64_t>(sum_);
  }

 private:
  uint64_t sum_ = 0;
  bool missing_ = false;
};

}  // namespace hostlens::scrapers
