// SPDX-License-Identifier: Apache-2.0
// Reading call frame information: a cursor over untrusted bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/byte_reader.h"

namespace hostlens::symbols {

/// Never passes the end. A read that would do so gives 0 and makes the cursor `failed` and empty
/// for good, so that a parser may ask once, after several reads. Owns nothing; little-endian as the
/// host.
class CfiCursor {
 public:
  CfiCursor() = default;
  explicit CfiCursor(base::Bytes bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return at_ == end_; }
  [[nodiscard]] size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  /// Bytes from the beginning.
  [[nodiscard]] size_t position() const { return static_cast<size_t>(at_ - begin_); }
  void fail() {
    failed_ = true;
    at_ = end_;
  }

  template <typename T>
  T fixed() {
    T value = 0;
    if (remaining() < sizeof(T)) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  /// DWARF 5 section 7.6. Fails where it has bits beyond 64.
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = fixed<uint8_t>();
      value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    fail();
    return 0;
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = fixed<uint8_t>();
      value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) {
        if ((byte & 0x40U) != 0 && shift < 57) value |= ~uint64_t{0} << (shift + 7);
        return static_cast<int64_t>(value);
      }
    }
    fail();
    return 0;
  }

  base::Bytes take(uint64_t count) {
    if (remaining() < count) {
      fail();
      return {};
    }
    const base::Bytes bytes(at_, static_cast<size_t>(count));
    at_ += count;
    return bytes;
  }

 private:
  const std::byte* begin_ = nullptr;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  bool failed_ = false;
};

}  // namespace hostlens::symbols
