// SPDX-License-Identifier: Apache-2.0
#include "health/gate.h"

#include <gtest/gtest.h>

namespace hostlens::health {
namespace {

constexpr Levels kHigh{0.8, 0.95};
constexpr Levels kLow{20, 5};
constexpr GateTiming kTiming{10, 20};

TEST(GateTest, TheFirstValueIsBelievedAtOnce) {
  Gate gate;
  EXPECT_EQ(gate.state(), State::kUnknown);
  gate.update(0.97, kHigh, kTiming, 100);
  EXPECT_EQ(gate.state(), State::kFailing);
  EXPECT_EQ(gate.since_ns(), 100U);
}

TEST(GateTest, AThresholdMustBeCrossedForTheWholeHold) {
  Gate gate;
  gate.update(0.1, kHigh, kTiming, 100);
  gate.update(0.9, kHigh, kTiming, 105);
  gate.update(0.9, kHigh, kTiming, 114);
  EXPECT_EQ(gate.state(), State::kOk);
  gate.update(0.9, kHigh, kTiming, 115);
  EXPECT_EQ(gate.state(), State::kDegraded);
  EXPECT_EQ(gate.since_ns(), 115U);
}

TEST(GateTest, AValueThatFlapsChangesNothing) {
  Gate gate;
  gate.update(0.1, kHigh, kTiming, 0);
  for (uint64_t now = 1; now < 200; ++now) {
    gate.update(now % 8 < 7 ? 0.99 : 0.1, kHigh, kTiming, now);
    ASSERT_EQ(gate.state(), State::kOk) << now;
  }
  Gate bad;
  bad.update(0.99, kHigh, kTiming, 0);
  for (uint64_t now = 1; now < 200; ++now) {
    bad.update(now % 16 < 15 ? 0.1 : 0.99, kHigh, kTiming, now);
    ASSERT_EQ(bad.state(), State::kFailing) << now;
  }
}

TEST(GateTest, JustBelowTheThresholdIsNotWell) {
  Gate gate;
  gate.update(0.85, kHigh, kTiming, 0);
  for (uint64_t now = 1; now < 100; ++now) gate.update(0.75, kHigh, kTiming, now);
  EXPECT_EQ(gate.state(), State::kDegraded);
  for (uint64_t now = 100; now < 120; ++now) gate.update(0.7, kHigh, kTiming, now);
  EXPECT_EQ(gate.state(), State::kDegraded);
  gate.update(0.7, kHigh, kTiming, 120);
  EXPECT_EQ(gate.state(), State::kOk);
}

TEST(GateTest, DuringAHoldTheMildestLevelCounts) {
  Gate gate;
  gate.update(0.1, kHigh, kTiming, 0);
  gate.update(0.99, kHigh, kTiming, 1);
  gate.update(0.85, kHigh, kTiming, 5);
  gate.update(0.99, kHigh, kTiming, 11);
  EXPECT_EQ(gate.state(), State::kDegraded);
  gate.update(0.99, kHigh, kTiming, 12);
  gate.update(0.99, kHigh, kTiming, 22);
  EXPECT_EQ(gate.state(), State::kFailing);
}

TEST(GateTest, LowValuesAreBadWhenFailingIsTheLower) {
  Gate gate;
  gate.update(30, kLow, {}, 0);
  EXPECT_EQ(gate.state(), State::kOk);
  gate.update(20, kLow, {}, 1);
  EXPECT_EQ(gate.state(), State::kDegraded);
  gate.update(4, kLow, {}, 2);
  EXPECT_EQ(gate.state(), State::kFailing);
  gate.update(21, kLow, {}, 3);
  EXPECT_EQ(gate.state(), State::kDegraded);
  gate.update(23, kLow, {}, 4);
  EXPECT_EQ(gate.state(), State::kOk);
}

TEST(GateTest, NoValueIsUnknownAndNeverOk) {
  Gate gate;
  gate.update(0.1, kHigh, kTiming, 1);
  gate.update(std::nullopt, kHigh, kTiming, 2);
  EXPECT_EQ(gate.state(), State::kUnknown);
  EXPECT_EQ(gate.since_ns(), 2U);
  gate.update(std::nullopt, kHigh, kTiming, 50);
  EXPECT_EQ(gate.since_ns(), 2U);
  gate.update(0.9, kHigh, kTiming, 60);
  EXPECT_EQ(gate.state(), State::kDegraded);
}

}  // namespace
}  // namespace hostlens::health
