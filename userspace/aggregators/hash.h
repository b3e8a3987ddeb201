// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace hostlens::aggregators {

/// Mixes one more word into a hash (the finaliser's multiplication of MurmurHash3).
[[nodiscard]] inline uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
  return hash ^ (hash >> 33U);
}

[[nodiscard]] inline uint64_t mix(uint64_t hash, std::string_view text) {
  return mix(hash, std::hash<std::string_view>{}(text));
}

}  // namespace hostlens::aggregators
