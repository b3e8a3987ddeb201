// SPDX-License-Identifier: Apache-2.0
#include "model/histogram_math.h"

#include <algorithm>
#include <cmath>

namespace hostlens::model {
namespace {

/// Index of a bucket after `steps` halvings of the resolution (OpenTelemetry data model: neighbours
/// 2k and 2k+1 become k).
int64_t coarser(int64_t index, int steps) { return index >> steps; }

/// `counts` of `from` in buckets of `scale`, which is not finer than its own.
ExponentialHistogram at_scale(const ExponentialHistogram& from, int32_t scale) {
  ExponentialHistogram out = from;
  const int steps = from.scale - scale;
  out.scale = scale;
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

void add(ExponentialHistogram& sum, const ExponentialHistogram& more) {
  if (more.count == 0) return;
  if (sum.count == 0) {
    sum = more;
    return;
  }
  const int32_t scale = std::min(sum.scale, more.scale);
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
  if (seen >= rank && histogram.zero_count > 0) return 0;
  const double width = std::exp2(-histogram.scale);  // of a bucket, in powers of two
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const auto count = static_cast<double>(histogram.counts[i]);
    if (count > 0 && seen + count >= rank) {
      const double within = std::clamp((rank - seen) / count, 0.0, 1.0);
      const double exponent =
          (static_cast<double>(histogram.offset) + static_cast<double>(i) + within) * width;
      return std::clamp(std::exp2(exponent), histogram.min, histogram.max);
    }
    seen += count;
  }
  return histogram.max;
}

}  // namespace hostlens::model
