// SPDX-License-Identifier: Apache-2.0
// A few bytes of another process's memory: what an interpreter's frames are named by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "model/process_key.h"

namespace hostlens::kernel {

/// Implemented by LocalProcessMemory (the supervisor, acts itself) and by the worker's channel to
/// the supervisor (asks). One thread.
class ProcessMemory {
 public:
  static constexpr uint32_t kMostBytes = 32 << 10;

  virtual ~ProcessMemory() = default;

  /// `bytes` of them (1 to kMostBytes) from `address` on, or fewer, where the next page is not to
  /// be had; never none. kNotFound: the process is gone, or nothing is there; kDenied: it is none
  /// of those that may be read.
  virtual base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process,
                                                           uint64_t address, uint32_t bytes) = 0;
};

/// Needs what ptrace(2) asks for. Reads by process_vm_readv(2): the process is not stopped, and
/// what it changes meanwhile may be seen half.
class LocalProcessMemory final : public ProcessMemory {
 public:
  /// Whose memory may be read.
  using Allowed = std::function<bool(uint32_t pid)>;
  /// Whether the process is the one that is meant, asked after it was read.
  using IsSame = std::function<bool(model::ProcessKey process)>;

  LocalProcessMemory(Allowed allowed, IsSame is_same)
      : allowed_(std::move(allowed)), is_same_(std::move(is_same)) {}

  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process, uint64_t address,
                                                   uint32_t bytes) override;

 private:
  Allowed allowed_;
  IsSame is_same_;
};

}  // namespace hostlens::kernel
