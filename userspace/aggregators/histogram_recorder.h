// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/metric.h"

namespace hostlens::aggregators {

/// Records non-negative values into a base-2 exponential histogram (OpenTelemetry metrics data
/// model: upper-inclusive buckets) of at most `max_buckets` buckets. When the values spread wider,
/// pairs of buckets are merged and the scale falls; nothing is ever thrown away. One thread.
///
/// The first scale is 6, not the 20 of SDKs: a bucket is then 1.1% wide (its middle is 0.55% off at
/// most), the same for any range, where 20 would only be a detour of 14 merges. 320 buckets keep
/// that for a spread of 1:32 and half of it (1.1% off at most, less when a reader interpolates) for
/// 1:1024; the 160 that SDKs use would be at 2.2% there. Memory follows the range in use, 8 bytes a
/// bucket: 100-200 buckets for the latencies of one route, one for a constant size.
class HistogramRecorder {
 public:
  static constexpr int32_t kMaxScale = 6;
  static constexpr size_t kMaxBuckets = 320;
  static constexpr size_t kFewBuckets = 160;  ///< for what nobody reads to one percent

  /// Two buckets at least: those below and above 1 meet at no scale.
  explicit HistogramRecorder(size_t max_buckets = kMaxBuckets)
      : max_buckets_(std::max<size_t>(max_buckets, 2)) {}

  /// Negative values count as zero; what is not finite is no measurement and ignored.
  void record(double value);

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] model::ExponentialHistogram snapshot() const;

  /// Bucket of a positive finite value at a scale <= kMaxScale, exact for every double.
  [[nodiscard]] static int32_t bucket_index(double value, int32_t scale);

 private:
  void grow_to(int32_t index);
  void downscale(int32_t by);

  std::vector<uint64_t> counts_;
  size_t max_buckets_;
  int32_t scale_ = kMaxScale;
  int32_t offset_ = 0;
  uint64_t zero_count_ = 0;
  uint64_t count_ = 0;
  double sum_ = 0;
  double min_ = 0;
  double max_ = 0;
};

}  // namespace hostlens::aggregators
