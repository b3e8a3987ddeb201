// SPDX-License-Identifier: Apache-2.0
// The names of one file's functions, by where they begin. Those of large programs (node has 7 MiB)
// stay in the file: few are ever asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbols/elf/byte_source.h"

namespace hostlens::symbols {

/// Immutable. Any thread.
class SymbolNames {
 public:
  /// A string table that stays where it is. `first` is where its first byte counts from here.
  struct Part {
    std::shared_ptr<const ByteSource> source;
    uint64_t offset = 0;
    uint32_t size = 0;
    uint32_t first = 0;
  };
  /// What an open file counts as, so that a limit of bytes bounds descriptors too.
  static constexpr uint64_t kOpenFileBytes = 16 << 10;

  SymbolNames() = default;
  /// Each name ends in a NUL.
  explicit SymbolNames(std::vector<char> kept) : kept_(std::move(kept)) {}
  /// By ascending `first`.
  explicit SymbolNames(std::vector<Part> parts) : parts_(std::move(parts)) {}

  /// Without a version; at most `most_bytes`. Empty where there is none, or the file has shrunk;
  /// one that was written over has other bytes there. A read of the file where the names stay in
  /// it.
  [[nodiscard]] std::string at(uint32_t place, uint32_t most_bytes) const;

  [[nodiscard]] uint64_t bytes() const {
    return kept_.capacity() + parts_.capacity() * sizeof(Part) + parts_.size() * kOpenFileBytes;
  }

 private:
  std::vector<char> kept_;
  std::vector<Part> parts_;
};

/// `memcpy@@GLIBC_2.14` is memcpy: which version a caller was linked with is not its name.
[[nodiscard]] std::string_view without_version(std::string_view name);

}  // namespace hostlens::symbols
