// SPDX-License-Identifier: Apache-2.0
// The symbols of an ELF file one by one, for who looks for a few of them by name.
#pragma once

#include <elf.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

/// Called for each defined symbol; the name is a view that lives as long as the call.
using OnSymbol = std::function<void(const Elf64_Sym& symbol, std::string_view name)>;

/// All tables of that type (SHT_DYNSYM, SHT_SYMTAB), but none whose symbols or names have over
/// `most_bytes`, and none that is broken.
void visit_symbols(const ElfView& elf, uint32_t type, uint64_t most_bytes, const OnSymbol& use);

}  // namespace hostlens::symbols
