// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of untrusted bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace hostlens::base {

using Bytes = std::span<const std::byte>;

/// Cursor over bytes that it does not own. Reads never pass the end: they return nullopt and leave
/// the cursor where it was. Integers are read in host order (ring records come from this kernel).
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] size_t remaining() const { return bytes_.size() - position_; }

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> read() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  [[nodiscard]] std::optional<Bytes> read_bytes(size_t count) {
    if (remaining() < count) return std::nullopt;
    const Bytes result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }

 private:
  Bytes bytes_;
  size_t position_ = 0;
};

}  // namespace hostlens::base
