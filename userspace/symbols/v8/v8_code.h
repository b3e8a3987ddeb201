// SPDX-License-Identifier: Apache-2.0
// What V8's optimising compilers (Maglev, TurboFan) made of a function and of those that they
// inlined into it. The code itself says which instructions are whose: a table of positions that it
// has for stack traces, without a flag, and how its inlined functions lie in each other
// (src/codegen/source-position.h, source-position-table.cc, src/objects/deoptimization-data.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/byte_reader.h"
#include "symbols/v8/v8_heap.h"

namespace hostlens::symbols {

/// Some instructions in the memory of a process, and what their object's head says.
struct V8CodeHead {
  uint64_t begin = 0;  ///< of the instructions
  uint64_t size = 0;   ///< in bytes
  uint64_t deoptimization = 0, positions = 0;
  /// Another one in its place differs in one of these; so does the same one, moved.
  std::array<uint64_t, 4> words{};
};

struct V8Code {
  static constexpr int32_t kOuter = -1;  ///< no inlining: the function that was compiled
  static constexpr size_t kMostDepth = 64;

  struct Place {
    uint32_t offset = 0;  ///< from this instruction on
    int32_t inlining = kOuter;
    bool operator==(const Place&) const = default;
  };
  struct Inlining {
    int32_t parent = kOuter;  ///< a smaller number
    int32_t function = -1;    ///< index into `functions`; -1: none that has a name
    bool operator==(const Inlining&) const = default;
  };

  V8CodeHead head;
  uint64_t shared = 0;              ///< SharedFunctionInfo of the outer one; 0: not optimised
  std::vector<Place> places;        ///< ascending, neighbours differ
  std::vector<Inlining> inlinings;  ///< by number
  std::vector<uint64_t> functions;  ///< SharedFunctionInfos, tagged; 0: it was collected

  /// Indices into `functions` of what was inlined where `offset` is, innermost first. An
  /// instruction that has no position is part of the one before it, as V8's own profiler takes it.
  [[nodiscard]] std::vector<uint32_t> functions_at(uint32_t offset) const;
  [[nodiscard]] uint64_t bytes() const {
    return sizeof(*this) + places.size() * sizeof(Place) + inlinings.size() * sizeof(Inlining) +
           functions.size() * sizeof(uint64_t);
  }
};

/// The instructions that `address` is among, found backwards from it; nullopt: there is no object
/// of V8's that it is in, or its first instruction is farther away than kMostCodeBytes.
[[nodiscard]] std::optional<V8CodeHead> find_v8_code(V8Heap& heap, uint64_t address);

inline constexpr uint64_t kMostCodeBytes = 256 << 10;

/// The head of instructions that begin there, read again.
[[nodiscard]] std::optional<V8CodeHead> read_v8_code_head(V8Heap& heap, uint64_t begin);

enum class V8CodeReading : uint8_t {
  kRead,
  kPlain,   ///< not optimised: V8's baseline compiler inlines nothing
  kGone,    ///< the memory was not to be had
  kBroken,  ///< what is there makes no sense
};

/// Fills `code` but its head, which it has.
[[nodiscard]] V8CodeReading read_v8_code(V8Heap& heap, V8Code& code);

/// A table of positions of `size` bytes of code. nullopt: it makes no sense.
[[nodiscard]] std::optional<std::vector<V8Code::Place>> read_v8_positions(base::Bytes table,
                                                                          uint64_t size);

/// An array of InliningPositions. nullopt: it makes no sense.
[[nodiscard]] std::optional<std::vector<V8Code::Inlining>> read_v8_inlinings(base::Bytes table);

}  // namespace hostlens::symbols
