// SPDX-License-Identifier: Apache-2.0
// Hand-made ELF files: one executable segment and sections behind it.
#pragma once

#include <elf.h>

#include <memory>
#include <string>
#include <vector>

#include "symbols/elf/elf_view.h"
#include "unit/symbols/byte_writer.h"

namespace hostlens::symbols {

inline constexpr uint64_t kCodeAddress = 0x400000;

struct ElfWriter {
  struct Section {
    std::string name;
    std::vector<std::byte> bytes{};  ///< empty: the code segment's, from `address` on
    uint64_t flags = 0;
    uint64_t address = 0;
    uint32_t type = SHT_PROGBITS;
  };
  uint16_t type = ET_EXEC;
  uint64_t code_bytes = 0x40000;  ///< at kCodeAddress, file offset 0x1000
  std::vector<Section> sections;
  std::vector<std::byte> build_id;
  bool section_headers = true;
  /// With it PT_GNU_EH_FRAME, at offset 64 of the note segment's page.
  std::vector<std::byte> eh_frame_header;
  uint64_t eh_frame_header_address = 0;

  [[nodiscard]] std::vector<std::byte> bytes() const {
    ByteWriter note;
    if (!build_id.empty()) {
      note.fixed<uint32_t>(4).fixed<uint32_t>(static_cast<uint32_t>(build_id.size()));
      note.fixed<uint32_t>(NT_GNU_BUILD_ID).text("GNU").append(build_id);
    }
    std::vector<Elf64_Phdr> segments;
    segments.push_back(
        {PT_LOAD, PF_R | PF_X, 0x1000, kCodeAddress, kCodeAddress, code_bytes, code_bytes, 0x1000});
    const uint64_t note_offset = 0x200;
    if (note.size() != 0) {
      segments.push_back(
          {PT_NOTE, PF_R, note_offset, note_offset, note_offset, note.size(), note.size(), 4});
    }
    const uint64_t header_offset = 0x300;
    if (!eh_frame_header.empty()) {
      segments.push_back({PT_GNU_EH_FRAME, PF_R, header_offset, eh_frame_header_address,
                          eh_frame_header_address, eh_frame_header.size(), eh_frame_header.size(),
                          4});
    }
    ByteWriter file;
    ByteWriter names;
    names.text("");
    std::vector<Elf64_Shdr> headers(1);
    ByteWriter contents;
    const uint64_t contents_offset = 0x1000 + code_bytes;
    for (const Section& section : sections) {
      Elf64_Shdr header{};
      header.sh_name = static_cast<uint32_t>(names.size());
      header.sh_type = section.type;
      header.sh_flags = section.flags;
      header.sh_addr = section.address;
      header.sh_offset = section.address >= kCodeAddress && section.bytes.empty()
                             ? 0x1000 + section.address - kCodeAddress
                             : contents_offset + contents.size();
      header.sh_size = section.bytes.empty() ? code_bytes : section.bytes.size();
      headers.push_back(header);
      names.text(section.name);
      contents.append(section.bytes);
    }
    Elf64_Shdr table{};
    table.sh_name = static_cast<uint32_t>(names.size());
    names.text(".shstrtab");
    table.sh_type = SHT_STRTAB;
    table.sh_offset = contents_offset + contents.size();
    table.sh_size = names.size();
    headers.push_back(table);
    contents.append(names.get());

    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = EM_X86_64;
    header.e_entry = kCodeAddress + 16;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<uint16_t>(segments.size());
    if (section_headers) {
      header.e_shoff = contents_offset + contents.size();
      header.e_shentsize = sizeof(Elf64_Shdr);
      header.e_shnum = static_cast<uint16_t>(headers.size());
      header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    }
    file.fixed(header);
    for (const auto& each : segments) file.fixed(each);
    file.pad_to(note_offset).append(note.get());
    file.pad_to(header_offset).append(eh_frame_header).pad_to(0x1000);
    file.append(code).pad_to(contents_offset).append(contents.get());
    if (section_headers) {
      for (const auto& each : headers) file.fixed(each);
    }
    return file.get();
  }
  std::vector<std::byte> code;  ///< the beginning of the segment

  [[nodiscard]] base::Result<ElfView> view() const { return view_of(bytes()); }
  static base::Result<ElfView> view_of(std::vector<std::byte> image) {
    return ElfView::open(std::make_shared<MemorySource>(std::move(image)));
  }
};

}  // namespace hostlens::symbols
