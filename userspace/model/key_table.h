// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "model/pair_index.h"

namespace hostlens::model {

/// 64-bit keys to values, of which none goes but all at once. For keys that are hashes of all that
/// tells values apart: with a million of them two are alike once in 30 million tables. A look-up
/// touches two cache lines, where a std::unordered_map has five; what is looked up a few times a
/// second beside busy programs finds each of them in memory only.
template <typename Value>
class KeyTable {
 public:
  /// nullptr: none. Valid until the next put or clear.
  [[nodiscard]] const Value* find(uint64_t key) const {
    const auto place = places_.find(high(key), low(key));
    return place ? &values_[*place] : nullptr;
  }
  /// In the place of what the key had. Valid until the next put or clear.
  const Value& put(uint64_t key, Value value) {
    if (const auto place = places_.find(high(key), low(key))) {
      return values_[*place] = std::move(value);
    }
    places_.insert(high(key), low(key), static_cast<uint32_t>(values_.size()));
    return values_.emplace_back(std::move(value));
  }
  void clear() {
    places_ = {};
    values_.clear();
  }
  [[nodiscard]] size_t size() const { return values_.size(); }

 private:
  static uint32_t high(uint64_t key) { return static_cast<uint32_t>(key >> 32U); }
  static uint32_t low(uint64_t key) { return static_cast<uint32_t>(key); }

  PairIndex places_;  ///< by the halves of a key
  std::vector<Value> values_;
};

}  // namespace hostlens::model
