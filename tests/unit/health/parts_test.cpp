// SPDX-License-Identifier: Apache-2.0
// Windows, coarse histograms, baselines, trends and followed series.
#include <gtest/gtest.h>

#include <cmath>

#include "aggregators/histogram_recorder.h"
#include "health/baseline.h"
#include "health/coarse_histogram.h"
#include "health/series_follower.h"
#include "health/trend.h"
#include "health/window.h"

namespace hostlens::health {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(WindowTest, SumsTheLastSlotsAndForgetsTheRest) {
  Window<Counts, 8> window(kSecond);
  EXPECT_TRUE(window.empty());
  for (uint64_t i = 0; i < 100; ++i) window.add({1, 0.5}, (1000 + i) * kSecond);
  EXPECT_EQ(window.sum(5 * kSecond, 1099 * kSecond).total, 5);
  EXPECT_EQ(window.sum(5 * kSecond, 1099 * kSecond).bad, 2.5);
  EXPECT_EQ(window.sum(500 * kSecond, 1099 * kSecond).total, 8);
  EXPECT_EQ(window.sum(5 * kSecond, 1102 * kSecond).total, 2);
  EXPECT_EQ(window.sum(5 * kSecond, 2000 * kSecond).total, 0);
}

TEST(CoarseHistogramTest, QuantilesAreWithinAFifth) {
  for (const double seconds : {2e-6, 0.0031, 0.4, 17.0}) {
    aggregators::HistogramRecorder recorder;
    for (int i = 0; i < 1000; ++i) recorder.record(seconds);
    CoarseHistogram coarse;
    coarse.add(recorder.snapshot());
    EXPECT_EQ(coarse.count(), 1000U);
    EXPECT_NEAR(coarse.quantile(0.95) / seconds, 1, 0.2) << seconds;
  }
}

TEST(CoarseHistogramTest, TakesAnyScaleAndWhatIsOutOfRange) {
  model::ExponentialHistogram odd;
  odd.scale = -5;
  odd.offset = 100;
  odd.counts = {3};
  odd.zero_count = 2;
  CoarseHistogram coarse;
  coarse.add(odd);
  EXPECT_EQ(coarse.count(), 5U);
  EXPECT_TRUE(std::isfinite(coarse.quantile(1)));
  EXPECT_EQ(CoarseHistogram().since(coarse).count(), 0U);
}

TEST(BaselineTest, NothingIsNormalBeforeAMinute) {
  Baseline baseline;
  for (int i = 0; i < Baseline::kSlotsNeeded; ++i) {
    EXPECT_FALSE(baseline.normal());
    baseline.learn(0.02, false, static_cast<uint64_t>(i) * kSecond, UINT64_MAX);
  }
  ASSERT_TRUE(baseline.normal());
  EXPECT_NEAR(*baseline.normal(), 0.02, 1e-6);
  EXPECT_NEAR(baseline.scatter(), 1, 1e-6);
}

TEST(BaselineTest, ABadHourIsNotLearntButANewNormalIs) {
  Baseline baseline;
  uint64_t now_ns = 0;
  for (int i = 0; i < 100; ++i) baseline.learn(0.02, false, now_ns += 10 * kSecond, 3600 * kSecond);
  for (int i = 0; i < 350; ++i) baseline.learn(0.5, true, now_ns += 10 * kSecond, 3600 * kSecond);
  EXPECT_NEAR(*baseline.normal(), 0.02, 1e-6);
  for (int i = 0; i < 20; ++i) baseline.learn(0.5, true, now_ns += 10 * kSecond, 3600 * kSecond);
  for (int i = 0; i < 10; ++i) baseline.learn(0.5, false, now_ns += 10 * kSecond, 3600 * kSecond);
  EXPECT_NEAR(*baseline.normal(), 0.5, 1e-6);
}

TEST(BaselineTest, OneSlotDoesNotMoveMuch) {
  Baseline baseline;
  for (int i = 0; i < 200; ++i) baseline.learn(0.02, false, 0, UINT64_MAX);
  baseline.learn(20, false, 0, UINT64_MAX);
  EXPECT_LT(*baseline.normal(), 0.025);
  EXPECT_GE(baseline.scatter(), 1);
}

TEST(TrendTest, ALineIsFollowedToItsEnd) {
  Trend trend;
  for (uint64_t i = 0; i < 30; ++i) trend.add(1e9 + 1e6 * static_cast<double>(i), i * 60 * kSecond);
  const auto left = trend.seconds_until(60e6);
  ASSERT_TRUE(left);
  EXPECT_NEAR(*left, 3600, 1);
}

TEST(TrendTest, SaysNothingTooEarlyDownwardsOrOfASaw) {
  Trend early;
  for (uint64_t i = 0; i < 10; ++i) early.add(static_cast<double>(i), i * 60 * kSecond);
  EXPECT_FALSE(early.seconds_until(1));
  Trend down;
  Trend saw;
  Trend level;
  for (uint64_t i = 0; i < 60; ++i) {
    down.add(1e9 - static_cast<double>(i), i * 60 * kSecond);
    saw.add(static_cast<double>(i % 7), i * 60 * kSecond);
    level.add(5, i * 60 * kSecond);
  }
  EXPECT_FALSE(down.seconds_until(1));
  EXPECT_FALSE(saw.seconds_until(1));
  EXPECT_FALSE(level.seconds_until(1));
}

TEST(TrendTest, AGapBeginsAnew) {
  Trend trend;
  for (uint64_t i = 0; i < 30; ++i) trend.add(static_cast<double>(i), i * 60 * kSecond);
  trend.add(1000, 10'000 * kSecond);
  EXPECT_FALSE(trend.seconds_until(1));
}

model::MetricPoint point(uint64_t start_unix_ns, const std::string& route) {
  model::MetricPoint out;
  out.start_unix_ns = start_unix_ns;
  out.attributes = {{"http.route", route}};
  return out;
}

TEST(SeriesFollowerTest, GainsAreOfEachSeriesByItself) {
  SeriesFollower follower(100);
  follower.begin_round(1000 * kSecond);
  EXPECT_EQ(follower.gain("f", point(999 * kSecond, "/a"), 5), 5);   // began just now
  EXPECT_EQ(follower.gain("f", point(100 * kSecond, "/b"), 50), 0);  // older than we are
  follower.end_round();
  follower.begin_round(1001 * kSecond);
  EXPECT_EQ(follower.gain("f", point(999 * kSecond, "/a"), 7), 2);
  EXPECT_EQ(follower.gain("f", point(100 * kSecond, "/b"), 51), 1);
  EXPECT_EQ(follower.gain("g", point(100 * kSecond, "/b"), 60), 0);  // another family
  follower.end_round();
}

TEST(SeriesFollowerTest, AResetCountsWhatCameAfterIt) {
  SeriesFollower follower(100);
  follower.begin_round(1000 * kSecond);
  (void)follower.gain("f", point(100 * kSecond, "/a"), 500);
  follower.end_round();
  follower.begin_round(1010 * kSecond);
  EXPECT_EQ(follower.gain("f", point(1005 * kSecond, "/a"), 3), 3);
  follower.end_round();
  follower.begin_round(1020 * kSecond);
  EXPECT_EQ(follower.gain("f", point(1015 * kSecond, "/a"), 900), 900);  // more than before
  follower.end_round();
  follower.begin_round(1030 * kSecond);
  EXPECT_EQ(follower.gain("f", point(500 * kSecond, "/a"), 1), 0);  // fell, nobody knows when
}

TEST(SeriesFollowerTest, WhatEndedIsForgottenAndTheLimitHolds) {
  SeriesFollower follower(2);
  follower.begin_round(1000 * kSecond);
  for (const char* route : {"/a", "/b", "/c", "/d"}) {
    (void)follower.gain("f", point(1000 * kSecond, route), 1);
  }
  EXPECT_EQ(follower.size(), 2U);
  follower.end_round();
  follower.begin_round(1001 * kSecond);
  follower.end_round();
  EXPECT_EQ(follower.size(), 0U);
}

}  // namespace
}  // namespace hostlens::health
