// SPDX-License-Identifier: Apache-2.0
// A function's parts that the compiler moved away from it (-freorder-blocks-and-partition), without
// a symbol that says so.
#pragma once

#include <cstdint>
#include <vector>

#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

struct CodeRange {
  uint64_t start = 0;
  uint64_t limit = 0;
  bool operator==(const CodeRange&) const = default;
};

/// Ranges of .eh_frame that code of `function` jumps into the middle of, time and again: nobody
/// jumps into the middle of another function. Linear in the function and in .eh_frame.
[[nodiscard]] std::vector<CodeRange> find_split_parts(const ElfView& elf, CodeRange function);

}  // namespace hostlens::symbols
