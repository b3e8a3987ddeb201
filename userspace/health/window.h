// SPDX-License-Identifier: Apache-2.0
// Sums over the last seconds or minutes, in bounded memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace hostlens::health {

/// What came in the last `kSlots` slots of `slot_ns` each; times are CLOCK_MONOTONIC and do not go
/// back. `Value` has += and is empty when made.
template <typename Value, size_t kSlots>
class Window {
 public:
  explicit Window(uint64_t slot_ns) : slot_ns_(slot_ns) {}

  void add(const Value& value, uint64_t now_ns) {
    const uint64_t number = now_ns / slot_ns_ + 1;  // 0: a slot that was never used
    Slot& slot = slots_[number % kSlots];
    if (slot.number != number) slot = {number, Value{}};
    slot.value += value;
    if (begin_ns_ == 0) begin_ns_ = now_ns;
    last_ns_ = now_ns;
  }
  /// Of the last `span_ns`, to the width of a slot.
  [[nodiscard]] Value sum(uint64_t span_ns, uint64_t now_ns) const {
    const uint64_t newest = now_ns / slot_ns_ + 1;
    const uint64_t slots = std::clamp<uint64_t>(span_ns / slot_ns_, 1, kSlots);
    Value total{};
    for (const Slot& slot : slots_) {
      if (slot.number != 0 && slot.number <= newest && slot.number + slots > newest) {
        total += slot.value;
      }
    }
    return total;
  }
  [[nodiscard]] bool empty() const { return begin_ns_ == 0; }
  [[nodiscard]] uint64_t begin_ns() const { return begin_ns_; }  ///< of the first value
  [[nodiscard]] uint64_t last_ns() const { return last_ns_; }    ///< of the last

 private:
  struct Slot {
    uint64_t number = 0;
    Value value{};
  };
  uint64_t slot_ns_;
  std::array<Slot, kSlots> slots_{};
  uint64_t begin_ns_ = 0;
  uint64_t last_ns_ = 0;
};

/// Occurrences, and those among them that are bad.
struct Counts {
  double total = 0;
  double bad = 0;
  Counts& operator+=(const Counts& more) {
    total += more.total;
    bad += more.bad;
    return *this;
  }
  [[nodiscard]] double share() const { return total > 0 ? bad / total : 0; }
};

}  // namespace hostlens::health
