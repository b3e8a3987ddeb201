// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/go_program.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace hostlens::symbols {
namespace {

// runtime.moduledata: a pointer to the line table's header, six slices, findfunctab, minpc, maxpc,
// then text. So since Go 1.18; the section is new in 1.26, when the header stopped to tell.
constexpr uint64_t kTextInModule = 22 * 8;
constexpr uint64_t kTextInHeader = 8 + 2 * 8;

const ElfSection* line_table_section(const ElfView& elf) {
  const ElfSection* section = elf.section(".gopclntab");
  // Where the external linker puts it into position-independent programs before Go 1.26.
  return section != nullptr ? section : elf.section(".data.rel.ro.gopclntab");
}

/// The addend of the relocation of that address: what a position-independent file will have there.
std::optional<uint64_t> relocated(const ElfView& elf, uint64_t address, uint64_t limit) {
  constexpr uint64_t kPiece = 4096 * sizeof(Elf64_Rela);
  for (const ElfSection& section : elf.sections()) {
    if (section.type != SHT_RELA || section.size > limit) continue;
    limit -= section.size;
    for (uint64_t done = 0; done < section.size; done += kPiece) {
      const auto bytes =
          elf.read(section.offset + done, std::min(kPiece, section.size - done), kPiece);
      if (!bytes) break;
      base::ByteReader reader(*bytes);
      while (const auto each = reader.read<Elf64_Rela>()) {
        if (each->r_offset == address && ELF64_R_TYPE(each->r_info) == R_X86_64_RELATIVE) {
          return static_cast<uint64_t>(each->r_addend);
        }
      }
    }
  }
  return std::nullopt;
}

/// A pointer in the file's data: as it is stored, or as the dynamic linker will store it.
uint64_t pointer_at(const ElfView& elf, const ElfSection& section, uint64_t offset,
                    uint64_t limit) {
  if (section.size < 8 || offset > section.size - 8) return 0;
  uint64_t value = 0;
  const auto bytes = elf.read(section.offset + offset, sizeof value, sizeof value);
  if (bytes) std::memcpy(&value, bytes->data(), sizeof value);
  return value != 0 ? value : relocated(elf, section.address + offset, limit).value_or(0);
}

uint64_t start_of_text(const ElfView& elf, const ElfSection& table, uint64_t limit) {
  uint64_t text = pointer_at(elf, table, kTextInHeader, limit);
  const ElfSection* module = elf.section(".go.module");
  if (text == 0 && module != nullptr) text = pointer_at(elf, *module, kTextInModule, limit);
  const ElfSection* code = elf.section(".text");
  // Right unless a C linker put its own startup code before Go's.
  if (text == 0 && code != nullptr) text = code->address;
  return text;
}

}  // namespace

base::Result<GoLineTable> open_go_program(const ElfView& elf, const GoProgramLimits& limits) {
  const ElfSection* section = line_table_section(elf);
  if (section == nullptr) {
    return base::Error{base::Error::Kind::kNotFound, 0, "ELF file: not of a Go program", {}};
  }
  auto bytes = elf.contents(*section, limits.table_bytes);
  if (!bytes) return std::move(bytes).error();
  return GoLineTable::parse(*std::move(bytes),
                            start_of_text(elf, *section, limits.relocation_bytes));
}

}  // namespace hostlens::symbols
