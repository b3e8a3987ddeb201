// SPDX-License-Identifier: Apache-2.0
// Hashes for tables in memory: quick, not keyed, not for anything that is stored or sent.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace hostlens::base {

/// Mixes one more word into a hash (the finaliser's multiplication of MurmurHash3).
[[nodiscard]] inline uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
  return hash ^ (hash >> 33U);
}

/// Eight bytes at a time; the last word overlaps the one before it.
[[nodiscard]] inline uint64_t mix(uint64_t hash, std::string_view text) {
  const auto load = [&text](size_t at, size_t count) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, count);
    return word;
  };
  const size_t size = text.size();
  hash = mix(hash, size);
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) hash = mix(hash, load(at, 8));
    return mix(hash, load(size - 8, 8));
  }
  if (size >= 4) return mix(hash, load(0, 4) << 32U | load(size - 4, 4));
  uint64_t word = 0;
  for (const char c : text) word = word << 8U | static_cast<uint8_t>(c);
  return mix(hash, word);
}

}  // namespace hostlens::base
