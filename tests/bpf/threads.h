// SPDX-License-Identifier: Apache-2.0
// What a thread does to itself, and what the kernel says of it: for tests of the scheduler's hooks.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace hostlens::testing {

constexpr uint64_t kMs = 1'000'000;

inline void sleep_ns(uint64_t ns) {
  const timespec span{0, static_cast<long>(ns)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
}

inline uint64_t cpu_now_ns() {
  timespec cpu{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(cpu.tv_nsec);
}

inline cpu_set_t only(size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return set;
}

inline void stay_on(size_t cpu) {
  const cpu_set_t set = only(cpu);
  ::sched_setaffinity(0, sizeof(set), &set);
}

/// By the kernel's own count: the second figure of /proc/thread-self/schedstat.
inline uint64_t waits_until_now_ns() {
  std::ifstream file("/proc/thread-self/schedstat");
  uint64_t cpu_ns = 0;
  uint64_t waits_ns = 0;
  file >> cpu_ns >> waits_ns;
  return waits_ns;
}

/// The state letter of a process, proc_pid_stat(5).
inline char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() ? '?' : stat[end + 2];
}

}  // namespace hostlens::testing
