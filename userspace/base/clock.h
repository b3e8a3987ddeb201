// SPDX-License-Identifier: Apache-2.0
// The one place where kernel time becomes wall time.
#pragma once

#include <cstdint>
#include <ctime>

namespace hostlens::base {

/// CLOCK_MONOTONIC in nanoseconds: what bpf_ktime_get_ns() stamps into every record.
[[nodiscard]] inline uint64_t monotonic_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

/// CLOCK_REALTIME in nanoseconds since the Unix epoch.
[[nodiscard]] inline uint64_t unix_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

/// CPU time of the calling thread.
[[nodiscard]] inline uint64_t thread_cpu_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

/// Maps monotonic to wall time by an offset that `refresh` re-measures, so that a stepped or slewed
/// clock is followed; durations are always differences of monotonic stamps and never pass here.
/// Not thread-safe: each thread that exports owns one.
class WallClock {
 public:
  WallClock() { refresh(); }

  /// Call once per interval (for example at each export).
  void refresh() {
    const uint64_t before = monotonic_now_ns();
    const uint64_t wall = unix_now_ns();
    const uint64_t after = monotonic_now_ns();
    offset_ns_ = static_cast<int64_t>(wall) - static_cast<int64_t>(before + (after - before) / 2);
  }
  [[nodiscard]] uint64_t unix_ns(uint64_t monotonic_ns) const {
    return static_cast<uint64_t>(static_cast<int64_t>(monotonic_ns) + offset_ns_);
  }

 private:
  int64_t offset_ns_ = 0;
};

}  // namespace hostlens::base
