// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "model/histogram_math.h"

namespace hostlens::exporters::prometheus {
namespace {

using model::Exemplar;
using model::ExponentialHistogram;

ExponentialHistogram histogram_of(const std::vector<double>& values, int32_t scale) {
  ExponentialHistogram histogram;
  histogram.scale = scale;
  std::vector<int32_t> indexes;
  for (const double value : values) {
    if (value > 0) {
      indexes.push_back(static_cast<int32_t>(std::ceil(std::ldexp(std::log2(value), scale))) - 1);
    } else {
      ++histogram.zero_count;
    }
    histogram.sum += value;
    ++histogram.count;
  }
  if (indexes.empty()) return histogram;
  const auto [low, high] = std::minmax_element(indexes.begin(), indexes.end());
  histogram.offset = *low;
  histogram.counts.resize(static_cast<size_t>(*high - *low) + 1);
  for (const int32_t index : indexes) ++histogram.counts[static_cast<size_t>(index - *low)];
  return histogram;
}

std::vector<double> random_values(std::mt19937& random, size_t count) {
  std::lognormal_distribution<double> values(std::uniform_real_distribution<>(-7, 1)(random),
                                             std::uniform_real_distribution<>(0.05, 1.5)(random));
  std::vector<double> drawn(count);
  for (double& value : drawn) value = random() % 50 == 0 ? 0 : values(random);
  return drawn;
}

uint64_t at_most(const std::vector<double>& values, double bound) {
  return static_cast<uint64_t>(
      std::count_if(values.begin(), values.end(), [&](double value) { return value <= bound; }));
}

TEST(HistogramTest, ClassicCountsAreWithinOneBucketOfTheTruth) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    const int32_t scale = static_cast<int32_t>(random() % 14) - 2;
    const auto values = random_values(random, 1 + random() % 400);
    const auto histogram = histogram_of(values, scale);
    const auto boundaries = boundaries_for("s");
    const auto counts = cumulative_counts(histogram, boundaries);
    ASSERT_EQ(counts.size(), boundaries.size());
    ASSERT_TRUE(std::is_sorted(counts.begin(), counts.end()));
    ASSERT_EQ(total_count(histogram), values.size());
    ASSERT_LE(counts.back(), values.size());
    const double width = std::exp2(std::exp2(-scale)) * (1 + 1e-9);
    for (size_t i = 0; i < counts.size(); ++i) {
      ASSERT_GE(counts[i], at_most(values, boundaries[i].value / width)) << "scale " << scale;
      ASSERT_LE(counts[i], at_most(values, boundaries[i].value * width)) << "scale " << scale;
    }
  }
}

/// As histogram_quantile() does: linear within a classic bucket.
double classic_quantile(double q, std::span<const Boundary> boundaries,
                        const std::vector<uint64_t>& counts, uint64_t total) {
  const double rank = q * static_cast<double>(total);
  double low = 0;
  uint64_t below = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (static_cast<double>(counts[i]) >= rank && counts[i] > below) {
      const double share =
          (rank - static_cast<double>(below)) / static_cast<double>(counts[i] - below);
      return low + (boundaries[i].value - low) * share;
    }
    low = boundaries[i].value;
    below = counts[i];
  }
  return low;
}

TEST(HistogramTest, QuantilesLieInTheClassicBucketOfTheTruth) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    auto values = random_values(random, 200);
    const auto boundaries = boundaries_for("s");
    const auto counts = cumulative_counts(histogram_of(values, 8), boundaries);
    std::sort(values.begin(), values.end());
    for (const double q : {0.5, 0.9, 0.99}) {
      const double truth = values[static_cast<size_t>(std::ceil(q * 200)) - 1];
      if (truth > boundaries.back().value) continue;
      // The bucket of the truth, widened by an exponential bucket of scale 8 (0.3%) at both ends.
      double low = 0;
      double high = 0;
      for (const Boundary& boundary : boundaries) {
        if (boundary.value < truth / 1.003) low = boundary.value;
        high = boundary.value;
        if (boundary.value >= truth * 1.003) break;
      }
      const double seen = classic_quantile(q, boundaries, counts, 200);
      ASSERT_GE(seen, low) << q;
      ASSERT_LE(seen, high) << q;
    }
  }
}

TEST(HistogramTest, ByteBoundariesAreExact) {
  const std::vector<double> values = {0, 1, 64, 64.5, 256, 257, 1024, 1048576, 1048577, 1e12};
  for (const int32_t scale : {0, 3, 8, 20}) {
    ExponentialHistogram histogram;
    for (const double value : values) {  // one by one: at scale 20 the range is millions of buckets
      model::add(histogram, histogram_of({value}, scale));
    }
    if (scale != 20) {
      EXPECT_GE(histogram.scale, -1);
    }
    const auto boundaries = boundaries_for("By");
    const auto counts = cumulative_counts(histogram, boundaries);
    for (size_t i = 0; i < boundaries.size(); ++i) {
      EXPECT_EQ(counts[i], at_most(values, boundaries[i].value)) << boundaries[i].text;
    }
  }
}

TEST(HistogramTest, ABoundaryNeverFallsWhileTheScaleStays) {
  std::mt19937 random(3);
  std::vector<double> values;
  std::vector<uint64_t> before(boundaries_for("s").size());
  for (int round = 0; round < 400; ++round) {
    values.push_back(random_values(random, 1)[0]);
    const auto counts = cumulative_counts(histogram_of(values, 2), boundaries_for("s"));
    for (size_t i = 0; i < counts.size(); ++i) ASSERT_GE(counts[i], before[i]);
    before = counts;
  }
}

TEST(HistogramTest, BoundariesIncludeTheRecommendedOnes) {
  const auto boundaries = boundaries_for("s");
  for (const double recommended :
       {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0}) {
    EXPECT_TRUE(std::any_of(boundaries.begin(), boundaries.end(), [&](const Boundary& boundary) {
      return boundary.value == recommended;
    })) << recommended;
  }
  for (const char* unit : {"s", "By", "{token}"}) {
    for (const Boundary& boundary : boundaries_for(unit)) {
      EXPECT_EQ(std::stod(std::string(boundary.text)), boundary.value);
    }
  }
}

/// Counts by Prometheus' own index.
std::vector<std::pair<int64_t, int64_t>> unpacked(const NativeBuckets& native) {
  std::vector<std::pair<int64_t, int64_t>> buckets;
  int64_t index = 0;
  int64_t count = 0;
  size_t delta = 0;
  for (const NativeSpan& span : native.spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i) {
      count += native.deltas.at(delta++);
      buckets.emplace_back(index++, count);
    }
  }
  EXPECT_EQ(delta, native.deltas.size());
  return buckets;
}

TEST(HistogramTest, NativeBucketsAreNumberedByTheirUpperBound) {
  ExponentialHistogram histogram;
  histogram.scale = 1;
  histogram.offset = 3;
  histogram.counts = {10, 0, 0, 0, 20, 5, 2};
  const auto native = native_buckets(histogram);
  ASSERT_TRUE(native);
  ASSERT_EQ(native->spans.size(), 2u);
  EXPECT_EQ(native->spans[0].offset, 4);
  EXPECT_EQ(native->spans[0].length, 1u);
  EXPECT_EQ(native->spans[1].offset, 3);
  EXPECT_EQ(native->spans[1].length, 3u);
  EXPECT_EQ(native->deltas, (std::vector<int64_t>{10, 10, -15, -3}));
}

TEST(HistogramTest, NativeBucketsHoldEveryObservation) {
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    const auto values = random_values(random, 1 + random() % 200);
    const int32_t scale = static_cast<int32_t>(random() % 17) - 4;
    const auto native = native_buckets(histogram_of(values, scale));
    ASSERT_TRUE(native);
    ASSERT_EQ(native->schema, std::min(scale, 8));
    for (const auto& [index, count] : unpacked(*native)) {
      ASSERT_GE(count, 0);
      const double step = std::exp2(-native->schema);
      const double high = std::exp2(static_cast<double>(index) * step);
      const double low = std::exp2(static_cast<double>(index - 1) * step);
      ASSERT_EQ(static_cast<uint64_t>(count), at_most(values, high) - at_most(values, low));
    }
  }
}

TEST(HistogramTest, ScalesWithoutANativeFormHaveNone) {
  ExponentialHistogram histogram;
  histogram.scale = -5;
  histogram.counts = {1};
  EXPECT_FALSE(native_buckets(histogram));
}

TEST(HistogramTest, SurvivesExtremeScalesAndOffsets) {
  for (const int32_t scale : {-2147483647, -1000, 0, 20, 2147483647}) {
    for (const int32_t offset : {-2147483647, -1, 0, 2147483000}) {
      ExponentialHistogram histogram;
      histogram.scale = scale;
      histogram.offset = offset;
      histogram.counts = {1, 0, ~uint64_t{0} >> 2};
      const auto counts = cumulative_counts(histogram, boundaries_for("s"));
      EXPECT_TRUE(std::is_sorted(counts.begin(), counts.end()));
      (void)native_buckets(histogram);
    }
  }
}

TEST(HistogramTest, PicksTheYoungestExemplarOfEachBucket) {
  Exemplar old{0.003, 1, {1}, {1}};
  Exemplar young{0.004, 2, {2}, {2}};
  Exemplar on_the_bound{0.001, 3, {3}, {3}};
  Exemplar beyond{11, 4, {4}, {4}};
  Exemplar traceless{0.2, 5, {}, {}};
  const std::vector<Exemplar> exemplars = {young, old, on_the_bound, beyond, traceless};
  const auto chosen = exemplars_by_bucket(exemplars, boundaries_for("s"));
  ASSERT_EQ(chosen.size(), 20u);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto* expected = i == 3    ? &exemplars[2]
                           : i == 5  ? &exemplars[0]
                           : i == 19 ? &exemplars[3]
                                     : nullptr;
    EXPECT_EQ(chosen[i], expected) << i;
  }
}

TEST(HistogramTest, OctavesHaveBoundsByWhichTheyAreToldExactly) {
  ExponentialHistogram histogram;
  histogram.scale = 0;
  histogram.zero_count = 3;  // up to 2^-20
  histogram.zero_threshold = 0x1p-20;
  histogram.offset = -20;
  histogram.counts = {5, 0, 7};  // (2^-20, 2^-19] and (2^-18, 2^-17]
  histogram.count = 15;
  const auto boundaries = boundaries_for("s", true);
  ASSERT_EQ(boundaries.size(), 27U);
  EXPECT_EQ(boundaries.front().value, 0x1p-20);
  EXPECT_EQ(boundaries.front().text, "9.5367431640625e-07");
  EXPECT_EQ(boundaries.back().text, "64.0");
  const auto counts = cumulative_counts(histogram, boundaries);
  EXPECT_EQ(counts[0], 3U);
  EXPECT_EQ(counts[1], 8U);
  EXPECT_EQ(counts[2], 8U);
  EXPECT_EQ(counts[3], 15U);
  EXPECT_EQ(counts.back(), 15U);
}

TEST(HistogramTest, OctavesOfSizesBeginAtOneByte) {
  const auto boundaries = boundaries_for("By", true);
  ASSERT_EQ(boundaries.size(), 31U);
  EXPECT_EQ(boundaries.front().text, "1.0");
  EXPECT_EQ(boundaries[12].text, "4096.0");
}

}  // namespace
}  // namespace hostlens::exporters::prometheus
