// SPDX-License-Identifier: Apache-2.0
#include "aggregators/histogram_recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace hostlens::aggregators {
namespace {

using model::ExponentialHistogram;

/// By the definition: (2^(i * 2^-scale), 2^((i+1) * 2^-scale)], in 64 bits of mantissa.
int32_t naive_index(double value, int32_t scale) {
  const long double position = ldexpl(log2l(static_cast<long double>(value)), scale);
  return static_cast<int32_t>(ceill(position)) - 1;
}

uint64_t total(const ExponentialHistogram& h) {
  return std::accumulate(h.counts.begin(), h.counts.end(), h.zero_count);
}

/// Interpolated within the bucket on the logarithmic scale, as Prometheus does.
double quantile(const ExponentialHistogram& h, double q) {
  const auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(h.count)));
  uint64_t seen = h.zero_count;
  for (size_t i = 0; i < h.counts.size(); ++i) {
    if (seen + h.counts[i] >= rank) {
      const double part = static_cast<double>(rank - seen) / static_cast<double>(h.counts[i]);
      return std::exp2((h.offset + static_cast<double>(i) + part) * std::exp2(-h.scale));
    }
    seen += h.counts[i];
  }
  return h.max;
}

void expect_equals_naive(const ExponentialHistogram& h, const std::vector<double>& values) {
  std::map<int32_t, uint64_t> naive;
  uint64_t zeros = 0;
  for (const double value : values) {
    if (value == 0) {
      ++zeros;
    } else {
      ++naive[naive_index(value, h.scale)];
    }
  }
  std::map<int32_t, uint64_t> ours;
  for (size_t i = 0; i < h.counts.size(); ++i) {
    if (h.counts[i] != 0) ours[h.offset + static_cast<int32_t>(i)] = h.counts[i];
  }
  EXPECT_EQ(ours, naive);
  EXPECT_EQ(h.zero_count, zeros);
  EXPECT_EQ(h.count, values.size());
  EXPECT_EQ(total(h), values.size());
  EXPECT_EQ(h.min, *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(h.max, *std::max_element(values.begin(), values.end()));
  EXPECT_DOUBLE_EQ(h.sum, std::accumulate(values.begin(), values.end(), 0.0));
}

TEST(HistogramRecorderTest, PowersOfTwoAreTheLastValueOfTheirBucketAtEveryScale) {
  for (int32_t scale = -10; scale <= HistogramRecorder::kMaxScale; ++scale) {
    for (int exponent = -1074; exponent <= 1023; ++exponent) {
      const double power = std::ldexp(1.0, exponent);
      // 2^e is the end of bucket e * 2^scale - 1; at scales below zero, of the one that holds 2^e.
      const int32_t expected = scale >= 0 ? (exponent << scale) - 1 : (exponent - 1) >> -scale;
      ASSERT_EQ(HistogramRecorder::bucket_index(power, scale), expected)
          << "2^" << exponent << " at scale " << scale;
      if (exponent == 1023) continue;
      const double above = std::nextafter(power, std::numeric_limits<double>::infinity());
      // The doubles next to the smallest ones are powers of two, or a bucket or more away.
      if (exponent < -1022) continue;
      ASSERT_EQ(HistogramRecorder::bucket_index(above, scale),
                scale >= 0 ? exponent << scale : exponent >> -scale)
          << "just above 2^" << exponent << " at scale " << scale;
    }
  }
}

TEST(HistogramRecorderTest, EveryBoundDividesTheDoublesAroundIt) {
  for (int k = 1; k < 64; ++k) {
    const long double bound = exp2l(static_cast<long double>(k) / 64);
    auto below = static_cast<double>(bound);
    if (static_cast<long double>(below) > bound) below = std::nextafter(below, 0.0);
    const double above = std::nextafter(below, 2.0);
    EXPECT_EQ(HistogramRecorder::bucket_index(below, 6), k - 1) << k;
    EXPECT_EQ(HistogramRecorder::bucket_index(above, 6), k) << k;
    EXPECT_EQ(HistogramRecorder::bucket_index(below * 0x1p-1000, 6), k - 1 - 64000) << k;
    EXPECT_EQ(HistogramRecorder::bucket_index(above * 0x1p1000, 6), k + 64000) << k;
  }
}

TEST(HistogramRecorderTest, SubnormalAndHugeValuesHaveTheirBuckets) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const double subnormal =
        std::ldexp(static_cast<double>(1 + random() % ((uint64_t{1} << 52U) - 1)), -1074);
    const double huge = std::ldexp(1.0 + static_cast<double>(random() >> 12U) * 0x1p-52, 1023);
    for (const int32_t scale : {-10, -4, 0, 3, 6}) {
      ASSERT_EQ(HistogramRecorder::bucket_index(subnormal, scale), naive_index(subnormal, scale));
      ASSERT_EQ(HistogramRecorder::bucket_index(huge, scale), naive_index(huge, scale));
    }
  }
}

TEST(HistogramRecorderTest, AFreshOneIsEmpty) {
  const ExponentialHistogram h = HistogramRecorder().snapshot();
  EXPECT_EQ(h.count, 0U);
  EXPECT_TRUE(h.counts.empty());
  EXPECT_EQ(h.sum, 0);
}

TEST(HistogramRecorderTest, ZeroAndNegativeValuesCountAsZero) {
  HistogramRecorder recorder;
  recorder.record(0);
  recorder.record(-3);
  recorder.record(2);
  const ExponentialHistogram h = recorder.snapshot();
  EXPECT_EQ(h.zero_count, 2U);
  EXPECT_EQ(h.count, 3U);
  EXPECT_EQ(h.min, 0);
  EXPECT_EQ(h.max, 2);
  EXPECT_EQ(h.sum, 2);
  EXPECT_EQ(total(h), 3U);
}

TEST(HistogramRecorderTest, WhatIsNotFiniteIsNoMeasurement) {
  HistogramRecorder recorder;
  recorder.record(std::numeric_limits<double>::quiet_NaN());
  recorder.record(std::numeric_limits<double>::infinity());
  EXPECT_EQ(recorder.count(), 0U);
}

TEST(HistogramRecorderTest, EqualsTheNaiveHistogramForAnySpread) {
  std::mt19937_64 random(2);
  for (const double octaves : {0.0, 0.5, 2.4, 5.0, 9.0, 20.0, 60.0, 600.0, 2000.0}) {
    for (const size_t buckets : {size_t{1}, size_t{2}, size_t{7}, size_t{160}, size_t{320}}) {
      HistogramRecorder recorder(buckets);
      std::uniform_real_distribution<double> exponent(-octaves / 2, octaves / 2);
      std::vector<double> values;
      for (int i = 0; i < 500; ++i) {
        values.push_back(i % 50 == 49 ? 0 : std::exp2(exponent(random)));
        recorder.record(values.back());
      }
      const ExponentialHistogram h = recorder.snapshot();
      SCOPED_TRACE(testing::Message() << octaves << " octaves, " << buckets << " buckets");
      // One bucket cannot hold both sides of 1, whatever the scale: it becomes two.
      EXPECT_LE(h.counts.size(), std::max<size_t>(buckets, 2));
      expect_equals_naive(h, values);
    }
  }
}

TEST(HistogramRecorderTest, ScaleFallsNoMoreThanTheSpreadDemands) {
  const auto scale_of = [](double ratio) {
    HistogramRecorder recorder;
    recorder.record(0.0011);
    recorder.record(0.0011 * ratio);
    return recorder.snapshot().scale;
  };
  EXPECT_EQ(scale_of(1), 6);
  EXPECT_EQ(scale_of(31), 6);
  EXPECT_EQ(scale_of(33), 5);
  EXPECT_EQ(scale_of(1000), 5);
  EXPECT_EQ(scale_of(1100), 4);
}

TEST(HistogramRecorderTest, QuantilesAreWithinOnePercent) {
  std::mt19937_64 random(3);
  // Latencies as they are: most near a millisecond, a tail to hundreds of them.
  std::lognormal_distribution<double> latency(std::log(0.001), 0.8);
  HistogramRecorder recorder;
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(latency(random));
    recorder.record(values.back());
  }
  std::sort(values.begin(), values.end());
  const ExponentialHistogram h = recorder.snapshot();
  for (const double q : {0.5, 0.9, 0.99, 0.999}) {
    const double truth = values[static_cast<size_t>(std::ceil(q * 100'000)) - 1];
    EXPECT_NEAR(quantile(h, q) / truth, 1.0, 0.01) << q;
  }
}

TEST(HistogramRecorderTest, MemoryFollowsTheRangeInUse) {
  HistogramRecorder recorder;
  for (int i = 0; i < 1000; ++i) recorder.record(1024);
  EXPECT_EQ(recorder.snapshot().counts.size(), 1U);
}

}  // namespace
}  // namespace hostlens::aggregators
