// SPDX-License-Identifier: Apache-2.0
// Time as an exporter's thread sees it, so that tests need not wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hostlens::exporters {

using TimePoint = std::chrono::steady_clock::time_point;

class TimeSource {
 public:
  virtual ~TimeSource() = default;
  [[nodiscard]] virtual TimePoint now() { return std::chrono::steady_clock::now(); }
  /// May return early, as every wait on a condition may.
  virtual void wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                          TimePoint time) {
    condition.wait_until(lock, time);
  }
};

}  // namespace hostlens::exporters
