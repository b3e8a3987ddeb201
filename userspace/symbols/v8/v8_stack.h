// SPDX-License-Identifier: Apache-2.0
// Which of two names a frame has whose stack slot belongs to a JavaScript function: that of the
// function, or that of the code. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace hostlens::symbols {

struct V8Place {
  bool in_file = false;  ///< else it was compiled at run time
  bool in_v8 = false;    ///< the file is V8's own
  /// It was interrupted there: it may be code without a frame of its own, which the function
  /// called.
  bool is_leaf = false;
  bool builtin = false;          ///< the function is one of V8's own
  std::string_view symbol = {};  ///< empty: none
};

enum class V8Show : uint8_t {
  kFunction,  ///< the function in place of the code
  kCode,      ///< the code alone
  kBoth,      ///< the code, called by the function
};

[[nodiscard]] V8Show v8_show(const V8Place& place);

/// Whether a function of that name is part of V8's interpreter, which says nothing beside the
/// function that it runs: Builtins_InterpreterEntryTrampoline, Builtins_AddHandler ...
[[nodiscard]] bool is_v8_interpreter(std::string_view symbol);

/// Of one bytecode, Builtins_AddHandler ...: it has a frame of its own where it calls V8's own
/// code.
[[nodiscard]] bool is_v8_handler(std::string_view symbol);

}  // namespace hostlens::symbols
