// SPDX-License-Identifier: Apache-2.0
#include "model/histogram_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hostlens::model {
namespace {

/// Index of a bucket after `steps` halvings of the resolution (OpenTelemetry data model: neighbours
/// 2k and 2k+1 become k).
int64_t coarser(int64_t index, int64_t steps) { return index >> std::min<int64_t>(steps, 63); }

/// A sum has at most so many buckets: histograms far apart would need any number at a fine scale.
constexpr int64_t kMostBuckets = 4096;

/// The finest scale, not finer than either's, at which both fit into kMostBuckets.
int64_t common_scale(const ExponentialHistogram& left, const ExponentialHistogram& right) {
  int64_t scale = std::min(left.scale, right.scale);
  if (left.counts.empty() || right.counts.empty()) return scale;
  const auto end = [](const ExponentialHistogram& any) {
    return int64_t{any.offset} + static_cast<int64_t>(any.counts.size()) - 1;
  };
  const auto buckets = [&] {
    const int64_t left_steps = left.scale - scale;
    const int64_t right_steps = right.scale - scale;
    return std::max(coarser(end(left), left_steps), coarser(end(right), right_steps)) -
           std::min(coarser(left.offset, left_steps), coarser(right.offset, right_steps)) + 1;
  };
  while (buckets() > kMostBuckets) --scale;
  return scale;
}

/// Beyond the smallest scale every index is 0 or -1 anyway: it is kept there.
ExponentialHistogram at_scale(const ExponentialHistogram& from, int64_t scale) {
  ExponentialHistogram out = from;
  const int64_t steps = from.scale - scale;
  out.scale = static_cast<int32_t>(std::max<int64_t>(scale, std::numeric_limits<int32_t>::min()));
  if (steps == 0 || from.counts.empty()) return out;
  const int64_t first = coarser(from.offset, steps);
  const int64_t last =
      coarser(int64_t{from.offset} + static_cast<int64_t>(from.counts.size()) - 1, steps);
  out.offset = static_cast<int32_t>(first);
  out.counts.assign(static_cast<size_t>(last - first + 1), 0);
  for (size_t i = 0; i < from.counts.size(); ++i) {
    const int64_t index = coarser(int64_t{from.offset} + static_cast<int64_t>(i), steps);
    out.counts[static_cast<size_t>(index - first)] += from.counts[i];
  }
  return out;
}

}  // namespace

ExponentialHistogram downscaled(const ExponentialHistogram& histogram, int32_t scale) {
  return at_scale(histogram, scale);
}

void add(ExponentialHistogram& sum, const ExponentialHistogram& more) {
  if (more.count == 0) return;
  if (sum.count == 0) {
    sum = more;
    return;
  }
  const int64_t scale = common_scale(sum, more);
  ExponentialHistogram out = at_scale(sum, scale);
  const ExponentialHistogram other = at_scale(more, scale);
  if (out.counts.empty()) {
    out.offset = other.offset;
    out.counts = other.counts;
  } else if (!other.counts.empty()) {
    const int64_t first = std::min(out.offset, other.offset);
    const int64_t end = std::max(int64_t{out.offset} + static_cast<int64_t>(out.counts.size()),
                                 int64_t{other.offset} + static_cast<int64_t>(other.counts.size()));
    std::vector<uint64_t> counts(static_cast<size_t>(end - first), 0);
    for (const ExponentialHistogram* part :
         {static_cast<const ExponentialHistogram*>(&out), &other}) {
      for (size_t i = 0; i < part->counts.size(); ++i) {
        counts[static_cast<size_t>(part->offset - first) + i] += part->counts[i];
      }
    }
    out.offset = static_cast<int32_t>(first);
    out.counts = std::move(counts);
  }
  out.zero_count += other.zero_count;
  out.count += other.count;
  out.sum += other.sum;
  out.zero_threshold = std::max(out.zero_threshold, other.zero_threshold);
  out.has_range = out.has_range && other.has_range;
  out.min = std::min(out.min, other.min);
  out.max = std::max(out.max, other.max);
  sum = std::move(out);
}

ExponentialHistogram difference(const ExponentialHistogram& now,
                                const ExponentialHistogram& before) {
  if (before.count == 0 || before.count > now.count || before.scale < now.scale) return now;
  ExponentialHistogram out = now;
  const ExponentialHistogram old = at_scale(before, now.scale);
  for (size_t i = 0; i < old.counts.size(); ++i) {
    const int64_t index = int64_t{old.offset} + static_cast<int64_t>(i) - out.offset;
    if (index < 0 || index >= static_cast<int64_t>(out.counts.size())) continue;
    uint64_t& count = out.counts[static_cast<size_t>(index)];
    count -= std::min(count, old.counts[i]);
  }
  out.zero_count -= std::min(out.zero_count, old.zero_count);
  out.count -= old.count;
  out.sum -= old.sum;
  return out;
}

double quantile(const ExponentialHistogram& histogram, double q) {
  if (histogram.count == 0) return 0;
  const double rank = q * static_cast<double>(histogram.count);
  double seen = static_cast<double>(histogram.zero_count);
  if (seen >= rank && histogram.zero_count > 0) return histogram.zero_threshold;
  const double width = std::exp2(-histogram.scale);  // of a bucket, in powers of two
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const auto count = static_cast<double>(histogram.counts[i]);
    if (count > 0 && seen + count >= rank) {
      const double within = std::clamp((rank - seen) / count, 0.0, 1.0);
      const double exponent =
          (static_cast<double>(histogram.offset) + static_cast<double>(i) + within) * width;
      if (!histogram.has_range) return std::exp2(exponent);
      return std::min(std::max(std::exp2(exponent), histogram.min), histogram.max);
    }
    seen += count;
  }
  if (histogram.has_range) return histogram.max;
  const auto end =
      static_cast<double>(histogram.offset) + static_cast<double>(histogram.counts.size());
  return histogram.counts.empty() ? histogram.zero_threshold : std::exp2(end * width);
}

}  // namespace hostlens::model
