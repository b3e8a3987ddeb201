// SPDX-License-Identifier: Apache-2.0
// Hand-made sections and files.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace hostlens::symbols {

class ByteWriter {
 public:
  template <typename T>
  ByteWriter& fixed(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    return *this;
  }
  ByteWriter& bytes(std::initializer_list<int> values) {
    for (const int value : values) bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  ByteWriter& append(const std::vector<std::byte>& other) {
    bytes_.insert(bytes_.end(), other.begin(), other.end());
    return *this;
  }
  ByteWriter& text(std::string_view value) {
    for (const char c : value) bytes_.push_back(static_cast<std::byte>(c));
    return bytes({0});
  }
  ByteWriter& uleb(uint64_t value) {
    do {
      const auto low = static_cast<uint8_t>(value & 0x7fU);
      value >>= 7U;
      bytes_.push_back(static_cast<std::byte>(value != 0 ? low | 0x80U : low));
    } while (value != 0);
    return *this;
  }
  ByteWriter& sleb(int64_t value) {
    for (;;) {
      const auto low = static_cast<uint8_t>(value & 0x7f);
      value >>= 7;
      const bool last = (value == 0 && (low & 0x40U) == 0) || (value == -1 && (low & 0x40U) != 0);
      bytes_.push_back(static_cast<std::byte>(last ? low : low | 0x80U));
      if (last) return *this;
    }
  }
  ByteWriter& pad_to(size_t size) {
    if (bytes_.size() < size) bytes_.resize(size);
    return *this;
  }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::vector<std::byte>& get() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace hostlens::symbols
