// SPDX-License-Identifier: Apache-2.0
// Stops threads of running programs, and has libdwfl and our unwinder in the kernel tell where each
// stands. Being stopped is a time off CPU: the stack of who comes back is the one that it was
// stopped with.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bpf/profiled.h"
#include "unwind_oracle/stack_comparison.h"
#include "unwind_oracle/stopped_thread.h"

namespace hostlens::tests {

/// What a stop is at least as long as; times off CPU from two thirds of it on get a stack.
inline constexpr uint64_t kStopNs = 3'000'000;

[[nodiscard]] inline probes::OffCpuProbeSettings stop_settings() {
  probes::OffCpuProbeSettings settings;
  settings.threshold_ns = kStopNs * 2 / 3;
  settings.stacks_per_second = 1'000'000;  // each is wanted
  settings.raw_per_second = 1'000;
  settings.targets_only = true;
  return settings;
}

struct StopResult {
  StackComparison comparison;
  std::string stacks{};  ///< both, where they differ
  size_t frames = 0;     ///< of libdwfl
};

class StopAndCompare {
 public:
  /// `profiled` must know the process (start or adopt), and outlive this.
  explicit StopAndCompare(hostlens::testing::Profiled& profiled) : profiled_(profiled) {}

  /// nullopt: the thread has ended, or the kernel sent no stack of this stop.
  [[nodiscard]] std::optional<StopResult> once(const ThreadId& thread);

 private:
  [[nodiscard]] const decoders::ProfileSample* sample_of(pid_t tid, uint64_t since_ns);
  [[nodiscard]] bool is_at(pid_t pid, const decoders::ProfileFrame& frame, uint64_t pc);

  hostlens::testing::Profiled& profiled_;
  std::map<pid_t, std::unique_ptr<LibdwflStacks>> judges_;  ///< by process
};

}  // namespace hostlens::tests
