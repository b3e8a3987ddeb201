// SPDX-License-Identifier: Apache-2.0
// Time in which nobody waits: a timed wait jumps to its end.
#pragma once

#include <algorithm>
#include <atomic>

#include "exporters/time_source.h"

namespace hostlens::exporters {

class FakeTime final : public TimeSource {
 public:
  TimePoint now() override {
    return std::chrono::steady_clock::now() + std::chrono::nanoseconds(ahead_.load());
  }
  void wait_until(std::condition_variable&, std::unique_lock<std::mutex>&,
                  TimePoint time) override {
    const auto left = std::chrono::nanoseconds(time - now()).count();
    if (left > 0) ahead_ += left;
  }
  void advance(std::chrono::nanoseconds by) { ahead_ += by.count(); }
  /// How far that and waits have moved it.
  [[nodiscard]] std::chrono::nanoseconds ahead() const {
    return std::chrono::nanoseconds(ahead_.load());
  }

 private:
  std::atomic<int64_t> ahead_{0};
};

}  // namespace hostlens::exporters
