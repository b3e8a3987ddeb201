// SPDX-License-Identifier: Apache-2.0
// What a SharedFunctionInfo says of its function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "symbols/v8/v8_heap.h"

namespace hostlens::symbols {

struct V8Function {
  /// As in the source, else as V8 inferred it from what the function was assigned to; empty: it is
  /// anonymous.
  std::string name;
  uint64_t script = 0;           ///< a Script, mostly; else it has none
  std::optional<int32_t> start;  ///< in the source, UTF-16 units: behind its name
  bool builtin = false;          ///< of V8 itself: not compiled from a source
};

enum class V8Reading : uint8_t {
  kRead,
  kGone,    ///< the process has ended, or the memory was not to be had
  kOther,   ///< at the address is another object by now
  kBroken,  ///< what is there makes no sense
};

/// `name_or_scope`: what the unwinder read there; 0: nothing.
[[nodiscard]] V8Reading read_v8_function(V8Heap& heap, uint64_t shared, uint64_t name_or_scope,
                                         uint32_t most_characters, V8Function& function);

/// The SharedFunctionInfo of a JSFunction, if it has one.
[[nodiscard]] std::optional<uint64_t> read_v8_shared(V8Heap& heap, uint64_t function);

/// What a SharedFunctionInfo is named by, if it is one: its word name_or_scope_info.
[[nodiscard]] std::optional<uint64_t> read_v8_name_word(V8Heap& heap, uint64_t shared);

}  // namespace hostlens::symbols
