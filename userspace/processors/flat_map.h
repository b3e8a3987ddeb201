// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace hostlens::processors {

/// Hash table from non-zero 64-bit keys to small movable values, for tables that see an insertion
/// and an erasure per exchange: open addressing without tombstones, so no allocation in the steady
/// state. Pointers that `find` returns are valid until the next insertion or erasure.
template <typename Value>
class FlatMap {
 public:
  FlatMap() : slots_(kFirstSlots) {}

  [[nodiscard]] size_t size() const { return size_; }

  [[nodiscard]] Value* find(uint64_t key) {
    for (size_t i = home(key);; i = next(i)) {
      if (slots_[i].first == key) return &slots_[i].second;
      if (slots_[i].first == 0) return nullptr;
    }
  }

  /// The value of `key`, value-initialised when it is new.
  Value& operator[](uint64_t key) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    size_t i = home(key);
    for (; slots_[i].first != 0; i = next(i)) {
      if (slots_[i].first == key) return slots_[i].second;
    }
    slots_[i].first = key;  // the value of a free slot is as new
    ++size_;
    return slots_[i].second;
  }

  template <typename Predicate>
  void erase_if(Predicate gone) {
    std::vector<uint64_t> keys;
    for (const Slot& slot : slots_) {
      if (slot.first != 0 && gone(slot.second)) keys.push_back(slot.first);
    }
    for (const uint64_t key : keys) erase(key);
  }

  void clear() {
    for (Slot& slot : slots_) slot = {};
    size_ = 0;
  }

  void erase(uint64_t key) {
    size_t hole = home(key);
    for (; slots_[hole].first != key; hole = next(hole)) {
      if (slots_[hole].first == 0) return;
    }
    // Close the hole: whatever behind it may not be reached across it any more moves in.
    for (size_t i = next(hole); slots_[i].first != 0; i = next(i)) {
      const size_t distance = (i - home(slots_[i].first)) & mask();
      if (distance < ((i - hole) & mask())) continue;
      slots_[hole] = std::move(slots_[i]);
      hole = i;
    }
    slots_[hole] = {};
    --size_;
  }

 private:
  using Slot = std::pair<uint64_t, Value>;
  static constexpr size_t kFirstSlots = 64;

  [[nodiscard]] size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] size_t next(size_t i) const { return (i + 1) & mask(); }
  [[nodiscard]] size_t home(uint64_t key) const {
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15ULL) >> 32U) & mask();
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (Slot& slot : old) {
      if (slot.first != 0) (*this)[slot.first] = std::move(slot.second);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace hostlens::processors
