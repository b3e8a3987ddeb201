// SPDX-License-Identifier: Apache-2.0
// usage: stack_oracle PID STOPS   Stops threads of a process and of its descendants, one after the
// other, and prints how many of their stacks are as libdwfl has them, and each difference. The
// last line is for tests/bench/unwind: counts by verdict, stops without a stack, frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "unwind_oracle/stop_and_compare.h"

namespace {

using namespace hostlens;
using namespace hostlens::tests;

constexpr size_t kShownStacks = 3;  // of those that differ
constexpr size_t kShownOthers = 5;

struct Difference {
  StackVerdict verdict = StackVerdict::kEqual;
  size_t times = 0;
  std::string stacks;  ///< of the first one
};

class Oracle {
 public:
  Oracle(hostlens::testing::Profiled& profiled, pid_t pid)
      : profiled_(profiled), stops_(profiled), pid_(pid) {}

  /// Most of them where something happens: three in four of what runs.
  void stop_one() {
    std::vector<ThreadId> threads = threads_below(pid_);
    for (const ThreadId& thread : threads) profiled_.adopt(static_cast<uint32_t>(thread.pid));
    if (chance_(random_) < 0.75) {
      const auto rest = std::stable_partition(threads.begin(), threads.end(),
                                              [](const ThreadId& each) { return each.runs; });
      if (rest != threads.begin()) threads.erase(rest, threads.end());
    }
    if (threads.empty()) return;
    const size_t chosen =
        static_cast<size_t>(chance_(random_) * static_cast<double>(threads.size()));
    const auto result = stops_.once(threads[std::min(chosen, threads.size() - 1)]);
    if (!result) {
      ++without_;
      return;
    }
    const StackComparison& comparison = result->comparison;
    ++verdicts_[static_cast<size_t>(comparison.verdict)];
    frames_ += result->frames;
    equal_frames_ += comparison.equal_frames;
    if (comparison.verdict == StackVerdict::kEqual) return;
    Difference& difference = differences_[comparison.difference];
    if (difference.times++ == 0) difference.stacks = result->stacks;
    difference.verdict = comparison.verdict;
  }

  [[nodiscard]] bool print() const {
    std::vector<std::pair<std::string, Difference>> sorted(differences_.begin(),
                                                           differences_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
      return std::pair(left.second.verdict, left.second.times) >
             std::pair(right.second.verdict, right.second.times);
    });
    size_t stacks = 0;
    size_t others = 0;
    for (const auto& [text, difference] : sorted) {
      if (difference.verdict != StackVerdict::kDifferent && others++ >= kShownOthers) continue;
      constexpr std::array<const char*, kStackVerdicts> kWords = {
          "equal", "equal but truncated", "equal to made code", "equal, libdwfl lost", "DIFFERENT"};
      std::printf("%s, %zu x %s\n", kWords[static_cast<size_t>(difference.verdict)],
                  difference.times, text.c_str());
      if (difference.verdict == StackVerdict::kDifferent && stacks++ < kShownStacks) {
        std::printf("%s", difference.stacks.c_str());
      }
    }
    std::printf("verdicts");
    for (const size_t count : verdicts_) std::printf(" %zu", count);
    std::printf(" without %zu frames %zu equal %zu\n", without_, frames_, equal_frames_);
    return verdicts_[static_cast<size_t>(StackVerdict::kDifferent)] == 0;
  }

 private:
  hostlens::testing::Profiled& profiled_;
  StopAndCompare stops_;
  const pid_t pid_;
  std::mt19937 random_{1};
  std::uniform_real_distribution<> chance_{0, 1};
  std::array<size_t, kStackVerdicts> verdicts_{};
  size_t without_ = 0;
  size_t frames_ = 0;
  size_t equal_frames_ = 0;
  std::map<std::string, Difference> differences_;
};

}  // namespace

int main(int count, char** arguments) {
  ::testing::InitGoogleTest(&count, arguments);
  const long pid = count == 3 ? std::strtol(arguments[1], nullptr, 10) : 0;
  const long stops = count == 3 ? std::strtol(arguments[2], nullptr, 10) : 0;
  if (pid <= 0 || stops <= 0) {
    std::fprintf(stderr, "usage: stack_oracle PID STOPS\n");
    return 2;
  }
  std::string why_not;
  const auto profiled =
      hostlens::testing::Profiled::open(0, true, why_not, 64 << 20, false, stop_settings());
  if (!profiled) {
    std::fprintf(stderr, "stack_oracle: %s\n", why_not.c_str());
    return 3;
  }
  Oracle oracle(*profiled, static_cast<pid_t>(pid));
  for (long i = 0; i < stops; ++i) oracle.stop_one();
  return oracle.print() ? 0 : 1;
}
