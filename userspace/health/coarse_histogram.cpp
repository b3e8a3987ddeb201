// SPDX-License-Identifier: Apache-2.0
#include "health/coarse_histogram.h"

#include <algorithm>
#include <cmath>

namespace hostlens::health {
namespace {

/// Eight doublings in one bucket: who counts so coarsely gets a wrong scale rather than a long
/// loop.
constexpr int kMostCoarser = 5;

}  // namespace

size_t CoarseHistogram::place_of(int64_t index) {
  return static_cast<size_t>(std::clamp<int64_t>(index - kLowest, 0, kBuckets - 1));
}

void CoarseHistogram::add(const model::ExponentialHistogram& histogram) {
  counts_[0] += static_cast<uint32_t>(histogram.zero_count);
  count_ += histogram.zero_count;
  const int shift = std::clamp(histogram.scale - kScale, -kMostCoarser, 62);
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const uint64_t count = histogram.counts[i];
    if (count == 0) continue;
    const int64_t index = int64_t{histogram.offset} + static_cast<int64_t>(i);
    count_ += count;
    if (shift >= 0) {
      counts_[place_of(index >> shift)] += static_cast<uint32_t>(count);
      continue;
    }
    // A bucket over several of ours: evenly, as a quantile within it would be told.
    const int64_t parts = int64_t{1} << -shift;
    for (int64_t part = 0; part < parts; ++part) {
      const uint64_t below = count * static_cast<uint64_t>(part) / static_cast<uint64_t>(parts);
      const uint64_t with = count * static_cast<uint64_t>(part + 1) / static_cast<uint64_t>(parts);
      counts_[place_of(index * parts + part)] += static_cast<uint32_t>(with - below);
    }
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
