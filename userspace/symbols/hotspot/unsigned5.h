// SPDX-License-Identifier: Apache-2.0
// HotSpot's numbers of one to five bytes: share/utilities/unsigned5.hpp; before JDK 20
// share/code/compressedStream.hpp, with other limits.
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_reader.h"

namespace hostlens::symbols {

/// From 20 on no byte is 0, which ends a stream.
struct Unsigned5 {
  static constexpr int32_t kFirstWithoutZero = 20;
  explicit Unsigned5(int32_t major) : excluded(major >= kFirstWithoutZero ? 1 : 0) {}

  /// nullopt: at the end.
  [[nodiscard]] std::optional<uint32_t> read(base::ByteReader& reader) const {
    constexpr uint32_t kHigh = 64;  // a byte that is followed by another has one of so many values
    constexpr unsigned kMostBytes = 5;
    const uint32_t low = 256 - excluded - kHigh;
    uint32_t sum = 0;
    for (unsigned i = 0; i < kMostBytes; ++i) {
      const auto byte = reader.read<uint8_t>();
      if (!byte || *byte < excluded) return std::nullopt;
      const uint32_t digit = *byte - excluded;
      sum += digit << (6 * i);
      if (digit < low) break;
    }
    return sum;
  }
  [[nodiscard]] std::optional<int32_t> read_signed(base::ByteReader& reader) const {
    const auto value = read(reader);
    if (!value) return std::nullopt;
    return static_cast<int32_t>(*value >> 1U ^ (0U - (*value & 1U)));
  }

  uint32_t excluded;
};

}  // namespace hostlens::symbols
