// SPDX-License-Identifier: Apache-2.0
// Values and runs of bytes in the memory of one process, whole or not at all.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "kernel/process_memory.h"
#include "model/process_key.h"

namespace hostlens::symbols {

/// Each costs a request to the supervisor, some 25 us. One thread.
class ProcessWords {
 public:
  /// `memory` must outlive it.
  ProcessWords(kernel::ProcessMemory& memory, model::ProcessKey process)
      : memory_(memory), process_(process) {}

  /// `count` bytes, 1 to kernel::ProcessMemory::kMostBytes.
  [[nodiscard]] std::optional<std::vector<std::byte>> bytes(uint64_t address, uint64_t count) {
    auto read = some(address, count);
    if (!read || read->size() != count) return std::nullopt;
    return read;
  }
  /// As many of them as are there, at least one.
  [[nodiscard]] std::optional<std::vector<std::byte>> some(uint64_t address, uint64_t count) {
    if (address == 0 || count > kernel::ProcessMemory::kMostBytes) return std::nullopt;
    auto read = memory_.read_memory(process_, address, static_cast<uint32_t>(count));
    if (!read) return std::nullopt;
    return *std::move(read);
  }
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> at(uint64_t address) {
    const auto read = bytes(address, sizeof(T));
    if (!read) return std::nullopt;
    T value;
    std::memcpy(&value, read->data(), sizeof value);
    return value;
  }

 private:
  kernel::ProcessMemory& memory_;
  model::ProcessKey process_;
};

}  // namespace hostlens::symbols
