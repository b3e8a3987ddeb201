// SPDX-License-Identifier: Apache-2.0
#include "base/ledger.h"

#include <gtest/gtest.h>

#include <set>

namespace hostlens::base {
namespace {

TEST(LedgerTest, HeldIsWhatWasReceivedAndNeitherForwardedNorDropped) {
  LedgerPage page;
  const Ledger ledger(page);
  ledger.received(Stage::kMatch, 10);
  ledger.forwarded(Stage::kMatch, 6);
  ledger.dropped(Stage::kMatch, DropReason::kGap, 1);
  EXPECT_EQ(ledger.held(Stage::kMatch), 3);
}

TEST(LedgerTest, ANewWorkerWritesOffWhatTheDeadOneHeld) {
  LedgerPage page;
  const Ledger ledger(page);
  ledger.received(Stage::kKernel, 5);
  ledger.received(Stage::kMatch, 10);
  ledger.forwarded(Stage::kMatch, 8);
  EXPECT_EQ(ledger.write_off_held(), 2U);
  EXPECT_EQ(ledger.held(Stage::kMatch), 0);
  EXPECT_EQ(ledger.dropped_total(Stage::kMatch, DropReason::kWorkerRestart), 2U);
  EXPECT_EQ(ledger.held(Stage::kKernel), 5) << "the ring survives the worker";
}

TEST(LedgerTest, EveryStageAndReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < LedgerPage::kStages; ++i) names.insert(to_string(static_cast<Stage>(i)));
  EXPECT_EQ(names.size(), LedgerPage::kStages);
  names.clear();
  for (size_t i = 0; i < LedgerPage::kReasons; ++i) {
    names.insert(to_string(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), LedgerPage::kReasons);
}

}  // namespace
}  // namespace hostlens::base
