// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace hostlens::aggregators {

/// An up-and-down count whose downs are told later than its ups: the correlator passes a request's
/// start on at once but its end only 200-400 ms after it. Counted as they arrive, 10,000 requests
/// per second would look like 2,000 more active ones than there are. So changes are kept by the
/// time when they happened, and the count is read as of kDelayNs ago.
class SettledCount {
 public:
  static constexpr uint64_t kDelayNs = 450'000'000;

  void change(uint64_t time_ns, int32_t by) {
    const uint64_t slot = time_ns >> kSlotBits;
    if (slot < settled_until_) {
      settled_ += by;
      return;
    }
    if (slot >= settled_until_ + kSlots) settle(slot - kSlots + 1);
    recent_[slot % kSlots] += by;
  }

  /// The count as of kDelayNs before `now_ns`, rounded down to 67 ms.
  int64_t read(uint64_t now_ns) {
    settle((now_ns - std::min(now_ns, kDelayNs)) >> kSlotBits);
    return settled_;
  }

  /// What it will be when nothing more happens.
  [[nodiscard]] int64_t latest() const {
    int64_t count = settled_;
    for (const int32_t by : recent_) count += by;
    return count;
  }

 private:
  static constexpr unsigned kSlotBits = 26;  ///< 67 ms
  static constexpr uint64_t kSlots = 16;     ///< 1.07 s

  void settle(uint64_t until) {
    if (until <= settled_until_) return;
    const uint64_t steps = std::min(until - settled_until_, kSlots);
    for (uint64_t i = 0; i < steps; ++i) {
      settled_ += std::exchange(recent_[(settled_until_ + i) % kSlots], 0);
    }
    settled_until_ = until;
  }

  int64_t settled_ = 0;
  uint64_t settled_until_ = 0;  ///< first slot that is not in settled_
  std::array<int32_t, kSlots> recent_{};
};

}  // namespace hostlens::aggregators
