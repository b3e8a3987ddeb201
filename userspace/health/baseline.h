// SPDX-License-Identifier: Apache-2.0
// What latency is normal for one service: learnt from itself.
#pragma once

#include <cstdint>
#include <optional>

namespace hostlens::health {

/// Learns the logarithm of a latency quantile, taken from slots of enough requests: its mean, and
/// how far it usually lies from it. At first each slot counts alike, later a slot counts for 1/180
/// (half an hour of slots of 10 s), so that a bad minute does not become normal. What is judged bad
/// is not learnt (`frozen`), unless it lasts so long that it is the new normal.
class Baseline {
 public:
  /// One slot's quantile in seconds. `frozen`: the state is bad just now.
  void learn(double seconds, bool frozen, uint64_t now_ns, uint64_t relearn_ns);

  /// Seconds; nullopt while it has seen less than kSlotsNeeded slots.
  [[nodiscard]] std::optional<double> normal() const;
  /// How many times the normal is within the usual scatter; at least 1.
  [[nodiscard]] double scatter() const;
  [[nodiscard]] int slots() const { return slots_; }

  static constexpr int kSlotsNeeded = 6;

 private:
  static constexpr int kMemorySlots = 180;

  int slots_ = 0;
  double mean_log2_ = 0;
  double deviation_log2_ = 0;  ///< mean of the absolute differences: outliers count once
  uint64_t frozen_since_ns_ = 0;
};

}  // namespace hostlens::health
