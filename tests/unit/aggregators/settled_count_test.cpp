// SPDX-License-Identifier: Apache-2.0
#include "aggregators/settled_count.h"

#include <gtest/gtest.h>

namespace hostlens::aggregators {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;

TEST(SettledCountTest, EndsThatAreToldLateDoNotLookActive) {
  SettledCount count;
  // 10,000 requests per second of 1 ms each, whose ends arrive 300 ms late.
  constexpr uint64_t kStep = kMs / 10;
  constexpr uint64_t kLate = 300 * kMs;
  for (uint64_t t = kSecond; t < 5 * kSecond; t += kStep) {
    count.change(t, 1);
    if (t >= kSecond + kLate + kMs) count.change(t - kLate, -1);
    if (t % kSecond == 0 && t > kSecond) {
      EXPECT_LE(count.read(t), 11) << "of 3,000 that are not told to have ended";
      EXPECT_GE(count.read(t), 9);
    }
  }
}

TEST(SettledCountTest, WhatStaysActiveIsSeenAfterTheDelay) {
  SettledCount count;
  count.change(10 * kSecond, 1);
  EXPECT_EQ(count.read(10 * kSecond + 100 * kMs), 0);
  EXPECT_EQ(count.latest(), 1);
  EXPECT_EQ(count.read(10 * kSecond + SettledCount::kDelayNs + 70 * kMs), 1);
  EXPECT_EQ(count.read(1000 * kSecond), 1);
}

TEST(SettledCountTest, BalancesWithoutReadersAndOutOfOrder) {
  SettledCount count;
  for (uint64_t i = 1; i <= 1000; ++i) {
    count.change(i * 100 * kMs, 1);
    count.change(i * 37 * kMs, -1);
  }
  EXPECT_EQ(count.latest(), 0);
  EXPECT_EQ(count.read(200 * kSecond), 0);
}

}  // namespace
}  // namespace hostlens::aggregators
