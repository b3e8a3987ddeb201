// SPDX-License-Identifier: Apache-2.0
// Durations in few buckets: what a comparison with a baseline needs, for many services at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/metric.h"

namespace hostlens::health {

/// Four buckets per doubling from 1 us to 36 min: a quantile is within 10%.
class CoarseHistogram {
 public:
  void add(const model::ExponentialHistogram& histogram);
  CoarseHistogram& operator+=(const CoarseHistogram& more);
  /// What came since `before`, which is an earlier reading of the same; never negative.
  [[nodiscard]] CoarseHistogram since(const CoarseHistogram& before) const;

  [[nodiscard]] uint64_t count() const { return count_; }
  /// Seconds below which the share `q` lies; 0 when empty.
  [[nodiscard]] double quantile(double q) const;

 private:
  [[nodiscard]] static size_t place_of(int64_t index);

  static constexpr int kScale = 2;
  static constexpr int kLowest = -20 * 4;  ///< index of the bucket that begins at 2^-20 s
  static constexpr size_t kBuckets = 31 * 4;

  /// Small, since there are many; sums over years wrap around, their differences do not mind.
  std::array<uint32_t, kBuckets> counts_{};
  uint64_t count_ = 0;
};

}  // namespace hostlens::health
