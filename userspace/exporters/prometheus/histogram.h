// SPDX-License-Identifier: Apache-2.0
// Exponential histograms to what Prometheus knows: classic buckets with fixed boundaries, and
// native histograms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/metric.h"

namespace hostlens::exporters::prometheus {

struct Boundary {
  double value;
  std::string_view text;  ///< OpenMetrics' canonical spelling, the same in every format
  double log2;
};

/// Ascending, without +Inf; by the unit of the family ("s", "By", anything else). `octaves`: powers
/// of two, 2^-20 to 2^6 for seconds, else 1 to 2^30.
[[nodiscard]] std::span<const Boundary> boundaries_for(std::string_view unit, bool octaves = false);

/// Zeros and all buckets: what every format reports as the count, so that +Inf always equals it.
[[nodiscard]] uint64_t total_count(const model::ExponentialHistogram& histogram);

/// Observations <= each boundary; ascending. Of an exponential bucket (low, high] that straddles
/// boundary b the share log(b/low) / log(high/low), rounded down, is taken to lie below b. So only
/// observations of that one bucket can be on the wrong side, and each of them is off by less than
/// the bucket's width: a factor of 2^(2^-scale), 9% at scale 3, 2.2% at scale 5. The rule uses
/// neither min nor max, so that a boundary's count never falls while the scale stays (Prometheus
/// would take it for a restart).
[[nodiscard]] std::vector<uint64_t> cumulative_counts(const model::ExponentialHistogram& histogram,
                                                      std::span<const Boundary> boundaries);

/// Per boundary and, last, for +Inf: the youngest exemplar that lies there, nullptr when none does.
/// Exemplars without a trace are none.
[[nodiscard]] std::vector<const model::Exemplar*> exemplars_by_bucket(
    std::span<const model::Exemplar> exemplars, std::span<const Boundary> boundaries);
[[nodiscard]] const model::Exemplar* youngest(std::span<const model::Exemplar> exemplars);

struct NativeSpan {
  int32_t offset;
  uint32_t length;
};
struct NativeBuckets {
  int32_t schema = 0;
  std::vector<NativeSpan> spans;
  std::vector<int64_t> deltas;
};

/// Values up to this count as zero; the customary choice of OpenTelemetry's translation.
inline constexpr double kZeroThreshold = 1e-128;

/// Scales above 8 are merged down to schema 8; those below -4 have no native form.
[[nodiscard]] std::optional<NativeBuckets> native_buckets(
    const model::ExponentialHistogram& histogram);

}  // namespace hostlens::exporters::prometheus
