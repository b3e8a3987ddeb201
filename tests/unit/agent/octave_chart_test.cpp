// SPDX-License-Identifier: Apache-2.0
#include "agent/octave_chart.h"

#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

model::ExponentialHistogram histogram(int32_t scale, int32_t offset, std::vector<uint64_t> counts) {
  model::ExponentialHistogram made;
  made.scale = scale;
  made.offset = offset;
  for (const uint64_t count : counts) made.count += count;
  made.counts = std::move(counts);
  made.has_range = false;
  return made;
}

constexpr ChartStyle kAscii{1, false};

TEST(OctaveChartTest, TheAxisNamesTheOctavesThatEndThere) {
  const std::string axis = chart_axis(kAscii);
  ASSERT_EQ(axis.size(), chart_width(kAscii));
  EXPECT_EQ(axis, "1us     1ms        1s   64s ");
  const auto column = [&](double seconds_exponent) {
    return chart_bars(histogram(0, static_cast<int32_t>(seconds_exponent) - 1, {1}), kAscii)
        .find('#');
  };
  EXPECT_EQ(column(-19), 1U);
  EXPECT_EQ(column(-10), axis.find("1ms") + 2);
  EXPECT_EQ(column(0), axis.find("1s ") + 1);
  EXPECT_EQ(column(6), axis.find("64s") + 2);
  EXPECT_EQ(column(7), 27U);
}

TEST(OctaveChartTest, TooShortAndTooLongStandAtTheEnds) {
  auto both = histogram(0, 100, {1});
  both.zero_count = 1;
  EXPECT_EQ(chart_bars(both, kAscii), "#" + std::string(26, ' ') + "#");
}

TEST(OctaveChartTest, WhateverCountsIsSeen) {
  const std::string bars = chart_bars(histogram(0, -20, {1, 0, 1'000'000}), kAscii);
  EXPECT_EQ(bars.substr(0, 5), " . # ");
  EXPECT_EQ(chart_bars(histogram(0, -20, {1, 0, 1'000'000}), {1, true}).substr(0, 8), " ▁ █");
}

TEST(OctaveChartTest, FinerScalesAreJoinedAndCoarserOnesEndRight) {
  EXPECT_EQ(chart_bars(histogram(1, -40, {1, 1, 1, 1}), kAscii),
            chart_bars(histogram(0, -20, {2, 2}), kAscii));
  EXPECT_EQ(chart_bars(histogram(-2, -5, {1}), kAscii),  // (2^-20, 2^-16]
            chart_bars(histogram(0, -17, {1}), kAscii));
  EXPECT_EQ(chart_bars(histogram(-10, INT32_MAX, {1}), kAscii).find('#'), 27U);
  EXPECT_EQ(chart_bars(histogram(-10, INT32_MIN, {1}), kAscii).find('#'), 0U);
}

TEST(OctaveChartTest, NothingIsBlank) {
  EXPECT_EQ(chart_bars({}, kAscii), std::string(28, ' '));
  EXPECT_EQ(upper_bound({}), 0);
}

TEST(OctaveChartTest, TheUpperBoundIsTheEndOfTheLastBucketThatCounts) {
  EXPECT_EQ(upper_bound(histogram(0, -11, {1, 3, 0, 0})), 0x1p-9);
  auto short_ones = histogram(0, 0, {});
  short_ones.zero_count = 4;
  short_ones.zero_threshold = 0x1p-20;
  EXPECT_EQ(upper_bound(short_ones), 0x1p-20);
}

}  // namespace
}  // namespace hostlens::agent
