// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/histogram.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <initializer_list>
#include <string>

#include "exporters/prometheus/text.h"
#include "model/histogram_math.h"

namespace hostlens::exporters::prometheus {
namespace {

using model::Exemplar;
using model::ExponentialHistogram;

constexpr int32_t kMinSchema = -4;
constexpr int32_t kMaxSchema = 8;

std::vector<Boundary> with_logarithms(std::initializer_list<Boundary> boundaries) {
  std::vector<Boundary> table(boundaries);
  for (Boundary& boundary : table) boundary.log2 = std::log2(boundary.value);
  return table;
}

/// With what their texts live in.
struct Octaves {
  Octaves(int first, int last) {
    for (int exponent = first; exponent <= last; ++exponent) {
      const double value = std::ldexp(1.0, exponent);
      std::string& text = texts.emplace_back();
      append_number(text, value);
      // OpenMetrics spells a float that is whole with its point.
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      boundaries.push_back({value, text, static_cast<double>(exponent)});
    }
  }
  std::deque<std::string> texts;
  std::vector<Boundary> boundaries;
};

}  // namespace

std::span<const Boundary> boundaries_for(std::string_view unit, bool octaves) {
  if (octaves) {
    static const Octaves kTimes(-20, 6);
    static const Octaves kSizes(0, 30);
    return unit == "s" ? kTimes.boundaries : kSizes.boundaries;
  }
  // From 0.005 on these are the boundaries that the HTTP conventions recommend; those below serve
  // loopback and static files.
  static const std::vector<Boundary> kSeconds = with_logarithms({{0.0001, "0.0001", 0},
                                                                 {0.00025, "0.00025", 0},
                                                                 {0.0005, "0.0005", 0},
                                                                 {0.001, "0.001", 0},
                                                                 {0.0025, "0.0025", 0},
                                                                 {0.005, "0.005", 0},
                                                                 {0.01, "0.01", 0},
                                                                 {0.025, "0.025", 0},
                                                                 {0.05, "0.05", 0},
                                                                 {0.075, "0.075", 0},
                                                                 {0.1, "0.1", 0},
                                                                 {0.25, "0.25", 0},
                                                                 {0.5, "0.5", 0},
                                                                 {0.75, "0.75", 0},
                                                                 {1, "1.0", 0},
                                                                 {2.5, "2.5", 0},
                                                                 {5, "5.0", 0},
                                                                 {7.5, "7.5", 0},
                                                                 {10, "10.0", 0}});
  // Powers of 4: bounds of exponential buckets at every scale from -1 up, so these counts are
  // exact.
  static const std::vector<Boundary> kBytes = with_logarithms({{64, "64.0", 0},
                                                               {256, "256.0", 0},
                                                               {1024, "1024.0", 0},
                                                               {4096, "4096.0", 0},
                                                               {16384, "16384.0", 0},
                                                               {65536, "65536.0", 0},
                                                               {262144, "262144.0", 0},
                                                               {1048576, "1.048576e+06", 0},
                                                               {4194304, "4.194304e+06", 0},
                                                               {16777216, "1.6777216e+07", 0},
                                                               {67108864, "6.7108864e+07", 0}});
  static const std::vector<Boundary> kOther = with_logarithms({{1, "1.0", 0},
                                                               {2, "2.0", 0},
                                                               {5, "5.0", 0},
                                                               {10, "10.0", 0},
                                                               {25, "25.0", 0},
                                                               {50, "50.0", 0},
                                                               {100, "100.0", 0},
                                                               {250, "250.0", 0},
                                                               {500, "500.0", 0},
                                                               {1000, "1000.0", 0},
                                                               {2500, "2500.0", 0},
                                                               {5000, "5000.0", 0},
                                                               {10000, "10000.0", 0}});
  if (unit == "s") return kSeconds;
  if (unit == "By") return kBytes;
  return kOther;
}

uint64_t total_count(const ExponentialHistogram& histogram) {
  uint64_t total = histogram.zero_count;
  for (const uint64_t count : histogram.counts) total += count;
  return total;
}

std::vector<uint64_t> cumulative_counts(const ExponentialHistogram& histogram,
                                        std::span<const Boundary> boundaries) {
  std::vector<uint64_t> cumulative;
  cumulative.reserve(boundaries.size());
  uint64_t below = histogram.zero_count;
  size_t next = 0;
  for (const Boundary& boundary : boundaries) {
    // In units of buckets: bucket i covers (i, i + 1].
    const double position = std::ldexp(boundary.log2, histogram.scale);
    const auto low = [&] {
      return static_cast<double>(histogram.offset) + static_cast<double>(next);
    };
    while (next < histogram.counts.size() && low() + 1 <= position) {
      below += histogram.counts[next++];
    }
    uint64_t part = 0;
    if (next < histogram.counts.size() && position > low()) {
      const uint64_t count = histogram.counts[next];
      const double share = (position - low()) * static_cast<double>(count);
      // A count beyond 2^53 may round up to a double above the largest integer.
      part = share >= static_cast<double>(count) ? count : static_cast<uint64_t>(share);
    }
    cumulative.push_back(below + part);
  }
  return cumulative;
}

std::vector<const Exemplar*> exemplars_by_bucket(std::span<const Exemplar> exemplars,
                                                 std::span<const Boundary> boundaries) {
  std::vector<const Exemplar*> chosen(boundaries.size() + 1, nullptr);
  for (const Exemplar& exemplar : exemplars) {
    if (exemplar.trace_id == model::TraceId{} || std::isnan(exemplar.value)) continue;
    const auto bucket = std::lower_bound(
        boundaries.begin(), boundaries.end(), exemplar.value,
        [](const Boundary& boundary, double value) { return boundary.value < value; });
    const Exemplar*& place = chosen[static_cast<size_t>(bucket - boundaries.begin())];
    if (!place || exemplar.unix_ns >= place->unix_ns) place = &exemplar;
  }
  return chosen;
}

const Exemplar* youngest(std::span<const Exemplar> exemplars) {
  return exemplars_by_bucket(exemplars, {}).front();
}

std::optional<NativeBuckets> native_buckets(const ExponentialHistogram& histogram) {
  if (histogram.scale < kMinSchema) return std::nullopt;
  const bool fits = histogram.scale <= kMaxSchema;
  const ExponentialHistogram coarser =
      fits ? ExponentialHistogram{} : model::downscaled(histogram, kMaxSchema);
  const ExponentialHistogram& merged = fits ? histogram : coarser;
  NativeBuckets native;
  native.schema = merged.scale;
  constexpr int64_t kLongestGap = 2;  // two empty buckets are shorter than a new span
  int64_t next_index = 0;  // one past the last bucket written; the first span counts from 0
  int64_t previous = 0;
  for (size_t i = 0; i < merged.counts.size(); ++i) {
    if (merged.counts[i] == 0) continue;
    // Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower one.
    const int64_t index = int64_t{merged.offset} + static_cast<int64_t>(i) + 1;
    const int64_t gap = index - next_index;
    if (native.spans.empty() || gap > kLongestGap) {
      native.spans.push_back({static_cast<int32_t>(gap), 0});
    } else {
      for (int64_t empty = 0; empty < gap; ++empty) {
        native.deltas.push_back(-previous);
        previous = 0;
      }
      native.spans.back().length += static_cast<uint32_t>(gap);
    }
    const auto count = static_cast<int64_t>(merged.counts[i]);
    native.deltas.push_back(count - previous);
    native.spans.back().length += 1;
    previous = count;
    next_index = index + 1;
  }
  return native;
}

}  // namespace hostlens::exporters::prometheus
