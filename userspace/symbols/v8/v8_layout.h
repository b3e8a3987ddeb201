// SPDX-License-Identifier: Apache-2.0
// Which ELF files are V8, and where its objects keep what frames are named by. V8 tells it itself:
// integers with symbols v8dbg_* that its build generates for debuggers
// (tools/gen-postmortem-metadata.py), in every release of Node.js.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "records/v8.h"
#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

/// What compiled code says of the functions that were inlined into it: v8_code.h. Indices are of
/// the words of its DeoptimizationData.
struct V8CodeLayout {
  uint16_t stream_type = 0;   ///< of what holds the instructions: Code, or InstructionStream
  uint16_t stream_start = 0;  ///< where in it they begin
  bool separate = false;    ///< its Code is an object of its own, named by the word behind its map
  uint16_t code_start = 0;  ///< Code: instruction_start, if it is separate
  uint16_t code_size = 0;   ///< Code: instruction_size
  uint16_t deoptimization = 0, positions = 0;  ///< Code
  uint16_t literals = 0, inlined_functions = 0, shared = 0, inlinings = 0;
  uint16_t array_length = 0, array_data = 0;       ///< of arrays of words and of bytes alike
  std::vector<uint16_t> word_arrays, byte_arrays;  ///< instance types
};

/// Offsets in bytes from an object's beginning, instance types as in its map.
struct V8Layout {
  v8_layout kernel{};  ///< what the unwinder needs of it
  uint16_t shared_script = 0;
  uint16_t map_type = 0;  ///< Map: instance_type
  uint16_t shared_type = 0, scope_info_type = 0, script_type = 0;
  std::vector<uint16_t> uncompiled_types;
  uint16_t uncompiled_name = 0;  ///< UncompiledData: inferred_name
  uint16_t uncompiled_start = 0;
  uint16_t script_name = 0;
  std::optional<uint16_t> script_source;
  /// ScopeInfo: words behind its map.
  uint16_t scope_locals = 0;     ///< how many locals it has
  uint16_t scope_variables = 0;  ///< where what varies begins: the locals' names, then more
  /// String: bits of its instance type, and its fields.
  uint16_t string_not = 0;  ///< with one of these bits it is none
  uint16_t string_form = 0, string_encoding = 0;
  uint16_t one_byte = 0;
  uint16_t form_sequential = 0, form_cons = 0, form_external = 0, form_sliced = 0, form_thin = 0;
  uint16_t string_length = 0;
  uint16_t cons_first = 0, cons_second = 0;
  uint16_t sliced_parent = 0, sliced_offset = 0;
  uint16_t thin_actual = 0;
  uint16_t one_byte_characters = 0, two_byte_characters = 0;
  std::optional<V8CodeLayout> code;  ///< nullopt: not told as this is written for
  /// By frame type, for code that has no name elsewhere: "[wasm]", "[regexp]"; empty: none.
  std::array<std::string_view, V8_FRAME_TYPES> frame_marks{};
};

/// What the file tells: by name, without "v8dbg_".
using V8Values = std::map<std::string, int32_t, std::less<>>;

/// kUnsupported: as below.
[[nodiscard]] base::Result<V8Layout> v8_layout_of(const V8Values& values);

/// Of files that are called node* or libnode*. nullopt: no V8 is in it. kUnsupported: it is V8, but
/// not as this is written for: compressed pointers, or no symbols of what is needed; the context
/// says which. Some milliseconds.
[[nodiscard]] base::Result<std::optional<V8Layout>> read_v8_layout(const ElfView& elf,
                                                                   std::string_view path);

}  // namespace hostlens::symbols
