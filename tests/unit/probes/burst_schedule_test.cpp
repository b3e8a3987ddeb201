// SPDX-License-Identifier: Apache-2.0
#include "probes/burst_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace hostlens::probes {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1000 * kSecond;

class Recorder final : public BurstObserver {
 public:
  bool begin(Burst& burst) override {
    EXPECT_FALSE(runs);
    if (fails) return false;
    burst.begin_ns += late_ns;
    burst.end_ns += late_ns;
    runs = true;
    begun.push_back(burst);
    return true;
  }
  void end(const Burst& burst) override {
    EXPECT_TRUE(runs);
    runs = false;
    ended.push_back(burst);
  }

  bool runs = false;
  bool fails = false;
  uint64_t late_ns = 0;
  std::vector<Burst> begun;
  std::vector<Burst> ended;
};

class BurstScheduleTest : public ::testing::Test {
 protected:
  /// As a timer would: whenever something is due.
  void run_until(uint64_t end_ns) {
    while (schedule_.next_ns() <= end_ns) schedule_.tick(schedule_.next_ns());
  }

  Recorder recorder_;
  BurstSchedule schedule_{recorder_, {kSecond, 30 * kSecond}, kStart};
};

TEST_F(BurstScheduleTest, EachBurstStandsForThePeriodThatItEnds) {
  run_until(kStart + 91 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(recorder_.begun[i].begin_ns, kStart + (29 + 30 * i) * kSecond);
    EXPECT_EQ(recorder_.begun[i].end_ns, kStart + (30 + 30 * i) * kSecond);
    EXPECT_EQ(recorder_.begun[i].times, 30U);
    EXPECT_FALSE(recorder_.begun[i].watched);
  }
  EXPECT_EQ(recorder_.ended.size(), 3U);
}

TEST_F(BurstScheduleTest, ALateBurstStandsForMore) {
  schedule_.tick(kStart + 59 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 1U);
  EXPECT_EQ(recorder_.begun[0].times, 60U);
}

TEST_F(BurstScheduleTest, WhatBeginningTakesIsTheNextOnesToCover) {
  recorder_.late_ns = kSecond;
  run_until(kStart + 62 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 2U);
  EXPECT_EQ(recorder_.ended[0].end_ns, kStart + 31 * kSecond);
  EXPECT_EQ(recorder_.begun[1].begin_ns, kStart + 61 * kSecond);
  EXPECT_EQ(recorder_.begun[1].times, 30U);
}

TEST_F(BurstScheduleTest, AWatchIsCompleteAndTheNextBurstCoversItsTimeToo) {
  run_until(kStart + 30 * kSecond);
  schedule_.watch(45 * kSecond, kStart + 40 * kSecond);
  run_until(kStart + 90 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 3U);
  EXPECT_TRUE(recorder_.begun[1].watched);
  EXPECT_EQ(recorder_.begun[1].times, 1U);
  EXPECT_EQ(recorder_.ended[1].end_ns, kStart + 85 * kSecond);
  EXPECT_EQ(recorder_.begun[2].begin_ns, kStart + 85 * kSecond);
  EXPECT_EQ(recorder_.begun[2].times, 56U);  // from 30 s to 86 s
}

TEST_F(BurstScheduleTest, ABurstThatAWatchCutsStandsForItsPartAlone) {
  schedule_.tick(kStart + 29 * kSecond);
  schedule_.watch(5 * kSecond, kStart + 29 * kSecond + kSecond / 2);
  ASSERT_EQ(recorder_.ended.size(), 1U);
  EXPECT_EQ(recorder_.ended[0].end_ns, kStart + 29 * kSecond + kSecond / 2);
  run_until(kStart + 60 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 3U);
  EXPECT_EQ(recorder_.begun[2].times, 45U);  // half of the 30 s before, and its own 30
}

TEST_F(BurstScheduleTest, AWatchGetsLongerButNotShorter) {
  schedule_.watch(10 * kSecond, kStart);
  schedule_.watch(2 * kSecond, kStart + kSecond);
  EXPECT_EQ(recorder_.ended.size(), 0U);
  schedule_.watch(10 * kSecond, kStart + 5 * kSecond);
  EXPECT_EQ(schedule_.next_ns(), kStart + 15 * kSecond);
  schedule_.watch(10'000 * kSecond, kStart + 6 * kSecond);
  EXPECT_EQ(schedule_.next_ns(), kStart + 606 * kSecond);
}

TEST_F(BurstScheduleTest, OffMeansThatOnlyAWatchObserves) {
  schedule_.tick(kStart + 29 * kSecond);
  schedule_.set({0, 30 * kSecond}, kStart + 29 * kSecond + 1);
  EXPECT_FALSE(recorder_.runs);
  EXPECT_EQ(schedule_.next_ns(), UINT64_MAX);
  schedule_.watch(kSecond, kStart + 40 * kSecond);
  run_until(kStart + 100 * kSecond);
  EXPECT_EQ(recorder_.begun.size(), 2U);
  EXPECT_FALSE(recorder_.runs);
  schedule_.set({kSecond, 10 * kSecond}, kStart + 200 * kSecond);
  run_until(kStart + 210 * kSecond);
  EXPECT_EQ(recorder_.begun.back().times, 10U) << "the time when it was off is not covered";
}

TEST_F(BurstScheduleTest, OneThatCannotBeginIsTriedAgainAPeriodLater) {
  recorder_.fails = true;
  run_until(kStart + 30 * kSecond);
  EXPECT_FALSE(recorder_.runs);
  recorder_.fails = false;
  run_until(kStart + 60 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 1U);
  EXPECT_EQ(recorder_.begun[0].times, 30U);
}

TEST_F(BurstScheduleTest, ABurstAsLongAsItsPeriodObservesAllTheTime) {
  schedule_.set({5 * kSecond, 5 * kSecond}, kStart);
  run_until(kStart + 14 * kSecond);
  ASSERT_EQ(recorder_.begun.size(), 3U);
  for (const Burst& burst : recorder_.begun) EXPECT_EQ(burst.times, 1U);
}

}  // namespace
}  // namespace hostlens::probes
