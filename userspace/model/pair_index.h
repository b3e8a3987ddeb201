// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace hostlens::model {

/// Pairs of two 32-bit numbers to a third: an open-addressed table in one piece of memory. Nothing
/// is ever removed. A third of the memory of std::unordered_map, and one cache line per look-up
/// instead of three: a profile asks it once per frame of every sample.
class PairIndex {
 public:
  static constexpr size_t kMostBytesPerPair = 48;  ///< right after the table has grown: 3 slots

  [[nodiscard]] std::optional<uint32_t> find(uint32_t first, uint32_t second) const {
    if (slots_.empty()) return std::nullopt;
    const Slot& slot = slots_[place_of(slots_, key_of(first, second))];
    if (slot.value_plus_1 == 0) return std::nullopt;
    return slot.value_plus_1 - 1;
  }

  /// The pair is not in the table yet.
  void insert(uint32_t first, uint32_t second, uint32_t value) {
    if (3 * (size_ + 1) > 2 * slots_.size()) grow();
    const uint64_t key = key_of(first, second);
    slots_[place_of(slots_, key)] = {key, value + 1};
    ++size_;
  }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t value_plus_1 = 0;  ///< 0: free
  };

  static uint64_t key_of(uint32_t first, uint32_t second) {
    return uint64_t{first} << 32U | second;
  }

  /// Where the key is, or where it would go. There is always a free slot.
  static size_t place_of(const std::vector<Slot>& slots, uint64_t key) {
    const size_t mask = slots.size() - 1;
    size_t place = base::mix(0, key) & mask;
    while (slots[place].value_plus_1 != 0 && slots[place].key != key) place = (place + 1) & mask;
    return place;
  }

  void grow() {
    constexpr size_t kFirstSlots = 64;
    std::vector<Slot> larger(slots_.empty() ? kFirstSlots : 2 * slots_.size());
    for (const Slot& slot : slots_) {
      if (slot.value_plus_1 != 0) larger[place_of(larger, slot.key)] = slot;
    }
    slots_ = std::move(larger);
  }

  std::vector<Slot> slots_;  ///< a power of two
  size_t size_ = 0;
};

}  // namespace hostlens::model
