// SPDX-License-Identifier: Apache-2.0
// Any bytes as call frame information of a file with 1 MiB of code: the first byte picks .eh_frame
// or .debug_frame.
#include <elf.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "unwind_invariants.h"

namespace {

using namespace hostlens;

constexpr uint64_t kCode = 0x400000;
constexpr uint64_t kCodeBytes = 1 << 20;

template <typename T>
void append(std::vector<std::byte>& file, const T& value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  file.insert(file.end(), bytes, bytes + sizeof value);
}

std::vector<std::byte> file_with(const uint8_t* frames, size_t size, bool debug_frame) {
  static constexpr char kNames[] = "\0.eh_frame\0.debug_frame\0.names";
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shoff = header.e_phoff + sizeof(Elf64_Phdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  const Elf64_Phdr code{PT_LOAD, PF_R | PF_X, 0, kCode, kCode, kCodeBytes, kCodeBytes, 4096};
  Elf64_Shdr sections[3]{};
  const uint64_t names = header.e_shoff + sizeof sections;
  sections[1].sh_name = debug_frame ? 11 : 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_addr =
      debug_frame ? 0 : kCode + kCodeBytes;  // pointers relative to themselves lead into the code
  sections[1].sh_offset = names + sizeof kNames;
  sections[1].sh_size = size;
  sections[2].sh_name = 24;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = names;
  sections[2].sh_size = sizeof kNames;
  std::vector<std::byte> file;
  append(file, header);
  append(file, code);
  append(file, sections);
  append(file, kNames);
  const auto* bytes = reinterpret_cast<const std::byte*>(frames);
  file.insert(file.end(), bytes, bytes + size);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto source =
      std::make_shared<symbols::MemorySource>(file_with(data + 1, size - 1, (data[0] & 1) != 0));
  const auto view = symbols::ElfView::open(std::move(source));
  fuzz::require(view.has_value());
  symbols::UnwindLimits limits;
  if ((data[0] & 2) != 0) {
    limits.table = {.rows = 64, .pages = 4, .padding = 15};
    limits.entries = {.fdes = 16, .cies = 4};
  }
  const auto table = symbols::build_unwind_table(*view, limits);
  fuzz::require(table.has_value());
  fuzz::check_table(*table, limits);
  return 0;
}
