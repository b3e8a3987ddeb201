// SPDX-License-Identifier: Apache-2.0
#include "discovery/elf_file.h"

#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxSections = 512;
constexpr size_t kMaxNeeded = 256;
/// Dynamic tables of large programs (a JavaScript engine) have 2 MiB of symbols and 6 MiB of names.
constexpr uint64_t kMaxTableBytes = 16U << 20U;
constexpr size_t kMaxNameBytes = 256;

/// Data of a section of one type, not larger than a table may be; nullptr otherwise. The library
/// reads it whole into memory that it owns.
Elf_Data* table_data(Elf_Scn* section, const GElf_Shdr& header) {
  if (header.sh_size > kMaxTableBytes) return nullptr;
  return ::elf_getdata(section, nullptr);
}

}  // namespace

void ElfFile::EndElf::operator()(Elf* elf) const { ::elf_end(elf); }

std::optional<ElfFile> ElfFile::open(int fd) {
  if (::elf_version(EV_CURRENT) == EV_NONE) return std::nullopt;
  Elf* const elf = ::elf_begin(fd, ELF_C_READ, nullptr);
  if (elf == nullptr) return std::nullopt;
  ElfFile file(fd, elf);
  const char* const ident = ::elf_getident(elf, nullptr);
  constexpr char kOurs = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (::elf_kind(elf) != ELF_K_ELF || ident == nullptr || ident[EI_DATA] != kOurs ||
      !file.read_sections()) {
    return std::nullopt;
  }
  file.read_needed();
  return file;
}

bool ElfFile::read_sections() {
  size_t names = 0;
  if (::elf_getshdrstrndx(elf_.get(), &names) != 0) return false;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf_.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || sections_.size() >= kMaxSections) break;
    const char* const name = ::elf_strptr(elf_.get(), names, header.sh_name);
    Section& added = sections_.emplace_back();
    if (name != nullptr) added.name = std::string_view(name).substr(0, kMaxNameBytes);
    added.address = header.sh_addr;
    added.offset = header.sh_offset;
    added.size = header.sh_type == SHT_NOBITS ? 0 : header.sh_size;
  }
  return true;
}

void ElfFile::read_needed() {
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf_.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr) return;
    if (header.sh_type != SHT_DYNAMIC) continue;
    Elf_Data* const data = table_data(section, header);
    if (data == nullptr || header.sh_entsize == 0) return;
    const size_t count = data->d_size / header.sh_entsize;
    for (size_t i = 0; i < count && needed_.size() < kMaxNeeded; ++i) {
      GElf_Dyn entry;
      if (::gelf_getdyn(data, static_cast<int>(i), &entry) == nullptr || entry.d_tag == DT_NULL) {
        return;
      }
      if (entry.d_tag != DT_NEEDED) continue;
      const char* const name = ::elf_strptr(elf_.get(), header.sh_link, entry.d_un.d_val);
      if (name != nullptr) needed_.emplace_back(std::string_view(name).substr(0, kMaxNameBytes));
    }
    return;
  }
}

const ElfFile::Section* ElfFile::section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [&](const Section& any) { return any.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

std::string ElfFile::read(const Section& section, uint64_t from, size_t limit) const {
  if (from >= section.size) return {};
  std::string bytes(std::min<uint64_t>(section.size - from, limit), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(fd_, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(section.offset + from + done));
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

std::string ElfFile::read_address(uint64_t address, size_t size) const {
  for (const Section& any : sections_) {
    if (any.address == 0 || address < any.address || address - any.address >= any.size) continue;
    std::string bytes = read(any, address - any.address, size);
    return bytes.size() == size ? bytes : std::string();
  }
  return {};
}

std::optional<uint64_t> ElfFile::symbol_address(std::string_view name) const {
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf_.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr) return std::nullopt;
    if (header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* const data = table_data(section, header);
    if (data == nullptr || header.sh_entsize == 0) return std::nullopt;
    const size_t count = data->d_size / header.sh_entsize;
    for (size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (::gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return std::nullopt;
      const char* const found = ::elf_strptr(elf_.get(), header.sh_link, symbol.st_name);
      if (found != nullptr && name == found) return symbol.st_value;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace hostlens::discovery
