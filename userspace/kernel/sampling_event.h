// SPDX-License-Identifier: Apache-2.0
// A program that runs on every CPU so many times a second (perf_event_open(2)).
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/software_event.h"

namespace hostlens::kernel {

/// What the time between two samples is measured by.
enum class SamplingClock : uint8_t {
  kCycles,    ///< of the processor, where it counts them: a halted CPU takes no samples
  kCpuClock,  ///< a timer that stands still while the CPU is idle
  kTicks,     ///< some of the CPU's ticks: where nobody may open a perf event
};
[[nodiscard]] std::string_view to_string(SamplingClock clock);

/// Privileged. It ends with this object. One thread.
class SamplingEvents {
 public:
  static constexpr uint32_t kMostHz = 999;

  /// Whether this process may open such events: Debian's kernels refuse all but CAP_SYS_ADMIN while
  /// kernel.perf_event_paranoid is 3.
  [[nodiscard]] static bool are_allowed();
  /// `program`: SEC("perf_event"), loaded, and must outlive this. By cycles if `prefer_cycles` and
  /// this machine counts them, else by the CPU clock. `hz`: 1 to kMostHz.
  [[nodiscard]] static base::Result<SamplingEvents> attach(bpf_program* program, uint32_t hz,
                                                           bool prefer_cycles);
  /// CPUs that have come are sampled too, those that have gone are let go. Now and then.
  [[nodiscard]] base::Result<void> follow_cpus();

  [[nodiscard]] SamplingClock clock() const { return clock_; }
  [[nodiscard]] uint32_t hz() const { return hz_; }
  [[nodiscard]] size_t cpus() const { return cpus_.size(); }

 private:
  struct Cpu {
    base::UniqueFd event;
    Link link;
  };
  SamplingEvents(bpf_program* program, SamplingClock clock, uint32_t hz)
      : program_(program), clock_(clock), hz_(hz) {}

  bpf_program* program_;
  SamplingClock clock_;
  uint32_t hz_;
  std::map<int, Cpu> cpus_;
};

/// How often a CPU that is busy interrupts itself in a second: CONFIG_HZ. 0: not to be had.
[[nodiscard]] uint32_t ticks_per_second();

}  // namespace hostlens::kernel
