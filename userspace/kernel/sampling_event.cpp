// SPDX-License-Identifier: Apache-2.0
#include "kernel/sampling_event.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>

namespace hostlens::kernel {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

base::UniqueFd open_event(SamplingClock clock, uint32_t hz, int cpu) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.exclude_idle = 1;
  if (clock == SamplingClock::kCycles) {
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.config = PERF_COUNT_HW_CPU_CYCLES;
    attributes.exclude_guest = 1;
    attributes.freq = 1;
    attributes.sample_freq = hz;
  } else {
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.sample_period = kNsPerSecond / hz;
  }
  return base::UniqueFd(static_cast<int>(
      ::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

/// Its event is dead once a CPU has gone, and does not come back with it.
bool is_online(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/online");
  char state = '1';  // one that cannot go has no such file
  file.get(state);
  return state == '1';
}

}  // namespace

std::string_view to_string(SamplingClock clock) {
  switch (clock) {
    case SamplingClock::kCycles:
      return "cycles";
    case SamplingClock::kCpuClock:
      return "cpu-clock";
    case SamplingClock::kTicks:
      return "ticks";
  }
  return "unknown";
}

uint32_t ticks_per_second() {
  timespec tick{};  // of the coarse clocks: kernel/time/posix-timers.c, KTIME_LOW_RES
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0 || tick.tv_sec != 0 || tick.tv_nsec <= 0) {
    return 0;
  }
  const auto ns = static_cast<uint64_t>(tick.tv_nsec);
  return static_cast<uint32_t>((kNsPerSecond + ns / 2) / ns);
}

bool SamplingEvents::are_allowed() {
  return open_event(SamplingClock::kCpuClock, 1, 0) || (errno != EACCES && errno != EPERM);
}

base::Result<SamplingEvents> SamplingEvents::attach(bpf_program* program, uint32_t hz,
                                                    bool prefer_cycles) {
  if (hz == 0 || hz > kMostHz) return base::invalid_error("sampling: 1 to 999 times a second");
  const bool cycles = prefer_cycles && open_event(SamplingClock::kCycles, hz, 0);
  SamplingEvents events(program, cycles ? SamplingClock::kCycles : SamplingClock::kCpuClock, hz);
  if (auto followed = events.follow_cpus(); !followed) return std::move(followed).error();
  return events;
}

base::Result<void> SamplingEvents::follow_cpus() {
  const int possible = libbpf_num_possible_cpus();
  if (possible <= 0) return base::errno_error("number of possible CPUs", -possible);
  std::erase_if(cpus_, [](const auto& entry) { return !is_online(entry.first); });
  for (int cpu = 0; cpu < possible; ++cpu) {
    if (cpus_.contains(cpu) || !is_online(cpu)) continue;
    base::UniqueFd event = open_event(clock_, hz_, cpu);
    if (!event && errno == ENODEV) continue;  // gone just now
    if (!event) return base::errno_error("sampling: perf_event_open");
    base::UniqueFd own(::fcntl(event.get(), F_DUPFD_CLOEXEC, 0));
    if (!own) return base::errno_error("sampling: a second descriptor");
    Link link(bpf_program__attach_perf_event(program_, event.get()));
    if (!link) return base::errno_error("sampling: attach the program");
    static_cast<void>(event.release());  // the link's now
    cpus_.emplace(cpu, Cpu{std::move(own), std::move(link)});
  }
  return {};
}

}  // namespace hostlens::kernel
