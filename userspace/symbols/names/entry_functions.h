// SPDX-License-Identifier: Apache-2.0
// Functions that nobody calls: where the stack of a thread begins.
#pragma once

#include <string_view>

namespace hostlens::symbols {

/// By a name as frames have it: demangled or not, with the versions of linkers and the suffixes of
/// compilers. True for the callers of main and of threads' functions as well, whose own caller may
/// have no name.
[[nodiscard]] bool is_entry_function(std::string_view name);

}  // namespace hostlens::symbols
