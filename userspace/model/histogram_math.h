// SPDX-License-Identifier: Apache-2.0
// Scales, sums, differences and quantiles of exponential histograms.
#pragma once

#include "model/metric.h"

namespace hostlens::model {

/// The same counts at `scale`, which is not finer than the histogram's own: exact, neighbours are
/// merged.
[[nodiscard]] ExponentialHistogram downscaled(const ExponentialHistogram& histogram, int32_t scale);

/// Adds `more` to `sum`, at the coarser of both scales, or at one so coarse that 4096 buckets hold
/// both.
void add(ExponentialHistogram& sum, const ExponentialHistogram& more);

/// What came between two cumulative readings of one series. `before` of another series (it counts
/// more than `now`) is passed over. min and max stay those of `now`.
[[nodiscard]] ExponentialHistogram difference(const ExponentialHistogram& now,
                                              const ExponentialHistogram& before);

/// Value below which the share `q` (0 to 1) lies: within the bucket's width, inside min and max
/// where they are known. 0 when the histogram is empty.
[[nodiscard]] double quantile(const ExponentialHistogram& histogram, double q);

}  // namespace hostlens::model
