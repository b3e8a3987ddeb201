// SPDX-License-Identifier: Apache-2.0
// Sleeps and waits for a CPU as the kernel signals count them, for one suite of tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "bpf/kernel_signals.h"

namespace hostlens::testing {

class SchedulerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { signals_ = KernelSignals::open(why_not_); }
  static void TearDownTestSuite() { signals_.reset(); }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    signals_->read();
  }

  /// For a failure's message.
  static std::string everything(uint32_t pid);
  /// What this kernel counted and did not show: threads of a virtual machine's own agent hide
  /// switches from programs, as from ftrace. Elsewhere it is 0, and the counts are exact.
  static uint64_t unseen() {
    const auto books = signals_->tables().books();
    EXPECT_TRUE(books);
    return books ? books->unseen_switch : 0;
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::string why_not_;
};

inline std::string SchedulerTest::everything(uint32_t pid) {
  std::string text;
  for (const kernel_signal signal : {SIGNAL_BLOCKED, SIGNAL_RUNQUEUE}) {
    for (const Counted& counted : signals_->of(pid, signal)) {
      text += "signal " + std::to_string(counted.key.signal) + " label " +
              std::to_string(counted.key.label) + " detail " + std::to_string(counted.key.detail) +
              ": " + std::to_string(counted.count) + " in " +
              std::to_string(counted.distribution.sum / 1000) + " us\n";
    }
  }
  const auto books = signals_->tables().books();
  if (books) {
    text += std::to_string(books->unseen_switch) + " switches not seen, " +
            std::to_string(books->unknown_thread) + " unknown, " + std::to_string(books->lost) +
            " without room, " + std::to_string(signals_->probes().recursion_misses()) +
            " missed by recursion";
  }
  return text;
}

}  // namespace hostlens::testing
