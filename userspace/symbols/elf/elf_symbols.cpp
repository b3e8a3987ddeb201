// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/elf_symbols.h"

#include <cstring>
#include <vector>

namespace hostlens::symbols {
namespace {

std::string_view name_at(const std::vector<std::byte>& names, uint32_t offset) {
  if (offset >= names.size()) return {};
  const char* const text = reinterpret_cast<const char*>(names.data()) + offset;
  return {text, ::strnlen(text, names.size() - offset)};
}

}  // namespace

void visit_symbols(const ElfView& elf, uint32_t type, uint64_t most_bytes, const OnSymbol& use) {
  for (const ElfSection& table : elf.sections()) {
    if (table.type != type || table.link >= elf.sections().size() ||
        table.entry_size != sizeof(Elf64_Sym)) {
      continue;
    }
    const auto symbols = elf.contents(table, most_bytes);
    const auto names = elf.contents(elf.sections()[table.link], most_bytes);
    if (!symbols || !names) continue;
    for (size_t at = 0; at + sizeof(Elf64_Sym) <= symbols->size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, symbols->data() + at, sizeof symbol);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
      use(symbol, name_at(*names, symbol.st_name));
    }
  }
}

}  // namespace hostlens::symbols
