// SPDX-License-Identifier: Apache-2.0
// Stacks of stopped threads equal libdwfl's, frame by frame: that knows the caller of main as well,
// and wherever in a function a thread is.
#include <gtest/gtest.h>

#include "unwind_oracle/stop_and_compare.h"

namespace hostlens::testing {
namespace {

struct StoppedChain {
  const char* name;
  const char* program;
  const char* chain;
};
void PrintTo(const StoppedChain& chain, std::ostream* out) { *out << chain.name; }

constexpr StoppedChain kStopped[] = {
    {"Calls", "profiled_chains", "chain"},
    {"StaticPie", "profiled_static", "chain"},
    {"Recursion", "profiled_chains", "deep"},
    {"RecursionTooDeep", "profiled_chains", "too_deep"},
    {"SignalHandler", "profiled_chains", "signal"},
    {"SignalHandlerOnItsOwnStack", "profiled_chains", "signal_stack"},
    {"LoadedLibrary", "profiled_chains", "library"},
    {"ForkedChild", "profiled_chains", "fork"},
    {"SystemCalls", "profiled_chains", "system_calls"},
    {"LinkageTable", "profiled_chains", "linkage_table"},
    {"FrameOfUnknownSize", "profiled_chains", "room"},
};

class StackOracleTest : public ::testing::TestWithParam<StoppedChain> {
 protected:
  static void SetUpTestSuite() {
    profiled_ = Profiled::open(0, true, why_not_, 16 << 20, false, tests::stop_settings());
  }
  static void TearDownTestSuite() { profiled_.reset(); }
  void SetUp() override {
    if (!profiled_) GTEST_SKIP() << why_not_;
  }

  static inline std::unique_ptr<Profiled> profiled_;
  static inline std::string why_not_;
};

TEST_P(StackOracleTest, StacksOfStoppedThreadsAreLibdwfls) {
  constexpr size_t kStops = 12;
  auto child = profiled_->start({profiled_program(GetParam().program), GetParam().chain,
                                 profiled_program("libprofiled_library.so")});
  profiled_->settle(static_cast<uint32_t>(child.pid));
  tests::StopAndCompare stops(*profiled_);
  child.go();
  size_t compared = 0;
  for (size_t i = 0; i < kStops; ++i) {
    for (const tests::ThreadId& thread : tests::threads_below(child.pid)) {
      const auto result = stops.once(thread);
      if (!result) continue;
      ++compared;
      EXPECT_TRUE(result->comparison.verdict == tests::StackVerdict::kEqual ||
                  result->comparison.verdict == tests::StackVerdict::kTruncated)
          << result->comparison.difference << "\n"
          << result->stacks;
    }
  }
  EXPECT_GE(compared, kStops / 2);
  child.end();
}

INSTANTIATE_TEST_SUITE_P(Chains, StackOracleTest, ::testing::ValuesIn(kStopped),
                         [](const ::testing::TestParamInfo<StoppedChain>& tested) {
                           return tested.param.name;
                         });

}  // namespace
}  // namespace hostlens::testing
