// SPDX-License-Identifier: Apache-2.0
#include "model/histogram_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

namespace hostlens::model {
namespace {

/// The naive way: a map from bucket to count.
std::map<int64_t, uint64_t> buckets(const ExponentialHistogram& h, int32_t scale) {
  std::map<int64_t, uint64_t> out;
  for (size_t i = 0; i < h.counts.size(); ++i) {
    if (h.counts[i] == 0) continue;
    int64_t index = int64_t{h.offset} + static_cast<int64_t>(i);
    for (int32_t at = h.scale; at > scale; --at) {
      index = index >= 0 ? index / 2 : -((-index + 1) / 2);
    }
    out[index] += h.counts[i];
  }
  return out;
}

ExponentialHistogram of(const std::vector<double>& values, int32_t scale) {
  ExponentialHistogram h;
  h.scale = scale;
  std::map<int64_t, uint64_t> found;
  for (const double value : values) {
    h.min = h.count == 0 ? value : std::min(h.min, value);
    h.max = h.count == 0 ? value : std::max(h.max, value);
    h.sum += value;
    ++h.count;
    if (value == 0) {
      ++h.zero_count;
    } else {
      ++found[static_cast<int64_t>(std::ceil(std::log2(value) * std::exp2(scale))) - 1];
    }
  }
  if (found.empty()) return h;
  h.offset = static_cast<int32_t>(found.begin()->first);
  h.counts.resize(static_cast<size_t>(found.rbegin()->first - h.offset + 1));
  for (const auto& [index, count] : found) h.counts[static_cast<size_t>(index - h.offset)] = count;
  return h;
}

class HistogramMathTest : public ::testing::Test {
 protected:
  std::vector<double> values(size_t most) {
    std::vector<double> out(std::uniform_int_distribution<size_t>(0, most)(random_));
    std::lognormal_distribution<double> spread(-6, 2);
    for (double& value : out) value = random_() % 20 == 0 ? 0 : spread(random_);
    return out;
  }
  int32_t scale() { return std::uniform_int_distribution<int32_t>(-3, 6)(random_); }

  std::mt19937 random_{4711};
};

TEST_F(HistogramMathTest, ASumHasTheBucketsOfBothAtTheCoarserScale) {
  for (int round = 0; round < 300; ++round) {
    const ExponentialHistogram left = of(values(60), scale());
    const ExponentialHistogram right = of(values(60), scale());
    ExponentialHistogram sum = left;
    add(sum, right);
    ASSERT_EQ(sum.count, left.count + right.count);
    ASSERT_EQ(sum.zero_count, left.zero_count + right.zero_count);
    ASSERT_DOUBLE_EQ(sum.sum, left.sum + right.sum);
    if (left.count == 0 || right.count == 0) continue;
    ASSERT_EQ(sum.scale, std::min(left.scale, right.scale));
    ASSERT_EQ(sum.min, std::min(left.min, right.min));
    ASSERT_EQ(sum.max, std::max(left.max, right.max));
    auto expected = buckets(left, sum.scale);
    for (const auto& [index, count] : buckets(right, sum.scale)) expected[index] += count;
    ASSERT_EQ(buckets(sum, sum.scale), expected) << round;
  }
}

TEST_F(HistogramMathTest, AnEmptyOneAddsNothingAndTakesTheOtherWhole) {
  const ExponentialHistogram some = of({0.5, 2, 0}, 3);
  ExponentialHistogram sum;
  add(sum, some);
  EXPECT_EQ(sum.scale, 3);
  EXPECT_EQ(sum.counts, some.counts);
  EXPECT_EQ(sum.min, 0);
  add(sum, ExponentialHistogram{});
  EXPECT_EQ(sum.count, 3U);
  EXPECT_EQ(sum.max, 2);
}

TEST_F(HistogramMathTest, ZerosAloneMeetBucketsInEitherOrder) {
  ExponentialHistogram zeros = of({0, 0}, 6);
  const ExponentialHistogram ones = of({1, 1, 1}, 2);
  ExponentialHistogram sum = ones;
  add(sum, zeros);
  add(zeros, ones);
  for (const ExponentialHistogram& h : {sum, zeros}) {
    EXPECT_EQ(h.count, 5U);
    EXPECT_EQ(h.zero_count, 2U);
    EXPECT_EQ(buckets(h, 2), buckets(ones, 2));
  }
}

TEST_F(HistogramMathTest, ASumOfFarApartBucketsStaysSmall) {
  for (const int32_t scale : {INT32_MAX, 20, 0, -10}) {
    ExponentialHistogram sum;
    sum.scale = scale;
    sum.offset = INT32_MIN;
    sum.counts = {3};
    sum.count = 3;
    ExponentialHistogram more = sum;
    more.offset = INT32_MAX;
    more.counts = {4, 1};  // its last index is beyond 32 bits
    more.count = 5;
    add(sum, more);
    EXPECT_LE(sum.counts.size(), 4096U);
    EXPECT_LT(sum.scale, scale);
    EXPECT_EQ(std::accumulate(sum.counts.begin(), sum.counts.end(), uint64_t{0}), 8U);
    ExponentialHistogram again = more;
    add(again, sum);
    EXPECT_EQ(again.count, 13U);
    EXPECT_LE(again.counts.size(), 4096U);
  }
}

TEST_F(HistogramMathTest, ScalesAtBothEndsOfTheirRangeMeet) {
  ExponentialHistogram finest;
  finest.scale = INT32_MAX;
  finest.offset = INT32_MIN;
  finest.counts = {1, 2};
  finest.count = 3;
  ExponentialHistogram sum = finest;
  sum.scale = INT32_MIN;
  sum.offset = INT32_MAX;
  add(sum, finest);
  EXPECT_EQ(sum.scale, INT32_MIN);
  EXPECT_EQ(sum.count, 6U);
  EXPECT_LE(sum.counts.size(), 4096U);
}

TEST_F(HistogramMathTest, ADifferenceIsWhatCameBetweenTwoReadings) {
  for (int round = 0; round < 300; ++round) {
    std::vector<double> all = values(60);
    const int32_t fine = scale();
    const ExponentialHistogram before = of(all, fine);
    const std::vector<double> later = values(60);
    all.insert(all.end(), later.begin(), later.end());
    // A recorder only ever gets coarser.
    const ExponentialHistogram now =
        of(all, fine - std::uniform_int_distribution<int32_t>(0, 3)(random_));
    const ExponentialHistogram between = difference(now, before);
    const ExponentialHistogram expected = of(later, now.scale);
    ASSERT_EQ(between.count, expected.count);
    ASSERT_EQ(between.zero_count, expected.zero_count);
    ASSERT_NEAR(between.sum, expected.sum, 1e-9 * std::max(1.0, now.sum));
    ASSERT_EQ(buckets(between, now.scale), buckets(expected, now.scale)) << round;
    ASSERT_EQ(between.min, now.min);
    ASSERT_EQ(between.max, now.max);
  }
}

TEST_F(HistogramMathTest, AReadingOfAnotherSeriesIsPassedOver) {
  const ExponentialHistogram now = of({1, 2}, 3);
  EXPECT_EQ(difference(now, of({1, 2, 3}, 3)).count, 2U);  // counts more than now
  EXPECT_EQ(difference(now, of({1}, 2)).count, 2U);        // was coarser than now
  EXPECT_EQ(difference(now, ExponentialHistogram{}).count, 2U);
}

TEST_F(HistogramMathTest, AQuantileLiesInTheBucketOfItsRank) {
  for (int round = 0; round < 300; ++round) {
    std::vector<double> all = values(80);
    if (all.empty()) continue;
    const ExponentialHistogram h = of(all, scale());
    std::sort(all.begin(), all.end());
    double previous = 0;
    for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
      const double got = quantile(h, q);
      ASSERT_GE(got, h.min);
      ASSERT_LE(got, h.max);
      ASSERT_GE(got, previous) << q;
      previous = got;
      const double rank = std::ceil(q * static_cast<double>(all.size()));
      const double exact = all[static_cast<size_t>(std::max(1.0, rank)) - 1];
      const double width = std::exp2(std::exp2(-h.scale)) * (1 + 1e-9);
      ASSERT_LE(got, exact * width) << q;
      ASSERT_GE(got * width, exact) << q;
    }
  }
}

TEST_F(HistogramMathTest, AQuantileOfNothingIsZero) {
  EXPECT_EQ(quantile({}, 0.5), 0);
  EXPECT_EQ(quantile(of({0, 0, 0, 8}, 3), 0.5), 0);
  EXPECT_EQ(quantile(of({8}, 3), 0.5), 8);
}

TEST_F(HistogramMathTest, AQuantileOfBooksThatDoNotBalanceIsTheLargestValue) {
  ExponentialHistogram h = of({1, 2}, 3);
  h.count = 100;
  EXPECT_EQ(quantile(h, 0.99), 2);
}

}  // namespace
}  // namespace hostlens::model
