// SPDX-License-Identifier: Apache-2.0
#include "health/coarse_histogram.h"

#include <algorithm>
#include <cmath>

namespace hostlens::health {

void CoarseHistogram::add(const model::ExponentialHistogram& histogram) {
  counts_[0] += static_cast<uint32_t>(histogram.zero_count);
  count_ += histogram.zero_count;
  const int shift = histogram.scale - kScale;
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const uint64_t count = histogram.counts[i];
    if (count == 0) continue;
    const int64_t index = int64_t{histogram.offset} + static_cast<int64_t>(i);
    // A coarser one puts all of a bucket into its last part: too slow rather than too fast.
    const int64_t own = shift >= 0 ? index >> std::min(shift, 62)
                                   : ((index + 1) * (int64_t{1} << std::min(-shift, 30))) - 1;
    const auto place = static_cast<size_t>(std::clamp<int64_t>(own - kLowest, 0, kBuckets - 1));
    counts_[place] += static_cast<uint32_t>(count);
    count_ += count;
  }
}

CoarseHistogram& CoarseHistogram::operator+=(const CoarseHistogram& more) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += more.counts_[i];
  count_ += more.count_;
  return *this;
}

CoarseHistogram CoarseHistogram::since(const CoarseHistogram& before) const {
  CoarseHistogram out;
  for (size_t i = 0; i < kBuckets; ++i) {
    const auto gain = static_cast<int32_t>(counts_[i] - before.counts_[i]);
    out.counts_[i] = static_cast<uint32_t>(std::max(gain, 0));
    out.count_ += out.counts_[i];
  }
  return out;
}

double CoarseHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const double rank = q * static_cast<double>(count_);
  double seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    const auto count = static_cast<double>(counts_[i]);
    if (count > 0 && seen + count >= rank) {
      const double within = std::clamp((rank - seen) / count, 0.0, 1.0);
      const double index = kLowest + static_cast<double>(i) + within;
      return std::exp2(index / (1 << kScale));
    }
    seen += count;
  }
  return std::exp2(static_cast<double>(kLowest + static_cast<int>(kBuckets)) / (1 << kScale));
}

}  // namespace hostlens::health
