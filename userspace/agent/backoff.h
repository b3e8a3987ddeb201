// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace hostlens::agent {

/// How long to wait before the next restart: doubles up to a limit, forgets after a healthy run.
class Backoff {
 public:
  static constexpr uint64_t kFirstNs = 100'000'000;
  static constexpr uint64_t kLongestNs = 30'000'000'000;
  static constexpr uint64_t kHealthyNs = 60'000'000'000;

  /// `ran_ns`: how long what just ended had run.
  [[nodiscard]] uint64_t next_delay_ns(uint64_t ran_ns) {
    if (ran_ns >= kHealthyNs) failures_ = 0;
    const uint64_t shift = std::min<uint64_t>(failures_++, 20);
    return std::min(kLongestNs, kFirstNs << shift);
  }
  [[nodiscard]] uint64_t failures() const { return failures_; }

 private:
  uint64_t failures_ = 0;
};

}  // namespace hostlens::agent
