// SPDX-License-Identifier: Apache-2.0
// The kernel's unwinder as ordinary code: the same source (bpf/lib/unwind.bpf.h), for stacks whose
// tables came too late, for tests and for fuzzing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/byte_reader.h"
#include "records/profile.h"

namespace hostlens::symbols {

/// The tables, as the kernel sees them.
class UnwindMemory {
 public:
  virtual ~UnwindMemory() = default;
  /// nullptr: in no slab.
  [[nodiscard]] virtual const unwind_word* word(uint32_t index) const = 0;
  [[nodiscard]] virtual unwind_executable* executable(uint32_t number) const = 0;
  /// Memory of the process that is no stack: what a JVM tells of its code. False: not to be had.
  [[nodiscard]] virtual bool read(void* /*to*/, uint32_t /*bytes*/, uint64_t /*from*/) const {
    return false;
  }
};

struct UnwindInput {
  unwind_space space{};
  uint64_t pc = 0;
  std::array<uint64_t, 16> registers{};  ///< by DWARF number
  uint64_t stack_start = 0;
  base::Bytes stack;
  uint64_t now_ns = 0;
  std::optional<hotspot_space> hotspot;  ///< with UNWIND_SPACE_HOTSPOT
};

struct UnwindOutput {
  /// PROFILE_TRUNCATED also where the stack goes on beyond the copy of it.
  profile_outcome outcome = PROFILE_NOT_READY;
  bool guessed = false;
  std::vector<uint64_t> frames;  ///< as in a profile_sample_record: decoders::decode_frame
  /// Of these, where they are V8's: first words of records/v8.h, but with the JSFunction.
  std::vector<uint64_t> v8_functions;
};

/// Any thread, but tables change under their own thread only. At most UNWIND_FRAMES_MAX steps of at
/// most two searches.
[[nodiscard]] UnwindOutput unwind_late(const UnwindMemory& memory, const UnwindInput& input);

}  // namespace hostlens::symbols
