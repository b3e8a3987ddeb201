// SPDX-License-Identifier: Apache-2.0
// Functions that nobody calls: where the stack of a thread begins.
#pragma once

#include <string_view>

#include "model/stack.h"

namespace hostlens::symbols {

/// By a name as frames have it: demangled or not, with the versions of linkers and the suffixes of
/// compilers. True for the callers of main and of threads' functions as well, whose own caller may
/// have no name.
[[nodiscard]] bool is_entry_function(std::string_view name);

/// Whether the root is one.
[[nodiscard]] bool ends_at_entry(const model::Stack& stack);

/// Nobody calls an entry: what an unwinder took for the caller of one, a word of the stack that
/// leads into no file and has no name. `callers`: all that is known of them.
[[nodiscard]] bool is_no_caller(const model::Stack& callers, const model::Frame& entry);

}  // namespace hostlens::symbols
