// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/elf_view.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "symbols/elf/build_id.h"
#include "symbols/elf/inflate.h"

namespace hostlens::symbols {
namespace {

template <typename T>
bool read_object(const ByteSource& source, uint64_t offset, T& into) {
  return source.read(offset, std::as_writable_bytes(std::span(&into, 1)));
}

template <typename T>
bool read_objects(const ByteSource& source, uint64_t offset, uint32_t count, std::vector<T>& into) {
  // Before anything is allocated for it.
  if (offset > source.size() || count > (source.size() - offset) / sizeof(T)) return false;
  into.resize(count);
  return source.read(offset, std::as_writable_bytes(std::span(into)));
}

/// Nullopt: it is one of ours.
std::optional<base::Error> refusal(const Elf64_Ehdr& header) {
  using Kind = base::Error::Kind;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return base::invalid_error("not an ELF file");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return base::Error{Kind::kUnsupported, 0, "ELF file: not of x86-64", {}};
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return base::Error{Kind::kUnsupported, 0, "ELF file: no executable or shared object", {}};
  }
  return std::nullopt;
}

std::string name_at(const std::vector<char>& names, uint32_t offset) {
  if (offset >= names.size()) return {};
  const char* begin = names.data() + offset;
  return {begin, ::strnlen(begin, std::min<size_t>(names.size() - offset, 256))};
}

}  // namespace

base::Result<ElfView> ElfView::open(std::shared_ptr<const ByteSource> source,
                                    const ElfLimits& limits) {
  ElfView view(std::move(source));
  Elf64_Ehdr header{};
  if (!read_object(*view.source_, 0, header)) return base::invalid_error("ELF file: no header");
  if (auto error = refusal(header)) return *std::move(error);
  view.entry_ = header.e_entry;

  // Counts that do not fit their fields are in the first section header (gABI: PN_XNUM,
  // SHN_XINDEX).
  Elf64_Shdr first{};
  const bool has_first = header.e_shoff != 0 && header.e_shentsize == sizeof(Elf64_Shdr) &&
                         read_object(*view.source_, header.e_shoff, first);
  const uint32_t segments = header.e_phnum == PN_XNUM && has_first ? first.sh_info : header.e_phnum;
  if (segments != 0 && (header.e_phentsize != sizeof(Elf64_Phdr) || segments > limits.segments ||
                        !view.read_segments(header.e_phoff, segments))) {
    return base::invalid_error("ELF file: the program headers are broken");
  }
  if (has_first) {
    const uint64_t count = header.e_shnum == 0 ? first.sh_size : header.e_shnum;
    const uint32_t names = header.e_shstrndx == SHN_XINDEX ? first.sh_link : header.e_shstrndx;
    if (count <= limits.sections) {
      view.read_sections(header.e_shoff, static_cast<uint32_t>(count), names, limits);
    }
  }
  view.find_build_id(limits);
  return view;
}

bool ElfView::read_segments(uint64_t offset, uint32_t count) {
  std::vector<Elf64_Phdr> headers;
  if (!read_objects(*source_, offset, count, headers)) return false;
  segments_.reserve(count);
  for (const Elf64_Phdr& header : headers) {
    segments_.push_back({.type = header.p_type,
                         .flags = header.p_flags,
                         .offset = header.p_offset,
                         .address = header.p_vaddr,
                         .file_size = header.p_filesz,
                         .memory_size = header.p_memsz});
  }
  return true;
}

void ElfView::read_sections(uint64_t offset, uint32_t count, uint32_t names_index,
                            const ElfLimits& limits) {
  std::vector<Elf64_Shdr> headers;
  if (!read_objects(*source_, offset, count, headers) || names_index >= headers.size()) return;
  const Elf64_Shdr& table = headers[names_index];
  std::vector<char> names;
  if (table.sh_size > limits.section_names ||
      !read_objects(*source_, table.sh_offset, static_cast<uint32_t>(table.sh_size), names)) {
    return;
  }
  sections_.reserve(count);
  for (const Elf64_Shdr& header : headers) {
    sections_.push_back({.name = name_at(names, header.sh_name),
                         .type = header.sh_type,
                         .flags = header.sh_flags,
                         .address = header.sh_addr,
                         .offset = header.sh_offset,
                         .size = header.sh_size,
                         .link = header.sh_link,
                         .entry_size = header.sh_entsize});
  }
}

void ElfView::find_build_id(const ElfLimits& limits) {
  const auto take = [&](uint64_t offset, uint64_t size) {
    const auto bytes = read(offset, size, limits.notes);
    if (bytes && build_id_.empty()) build_id_ = build_id_of_notes(*bytes);
  };
  for (const ElfSegment& each : segments_) {
    if (each.type == PT_NOTE) take(each.offset, each.file_size);
  }
  // A file of debug symbols may have its notes in sections only.
  for (const ElfSection& each : sections_) {
    if (each.type == SHT_NOTE && build_id_.empty()) take(each.offset, each.size);
  }
}

const ElfSection* ElfView::section(std::string_view name) const {
  const auto found = std::ranges::find_if(sections_, [name](const ElfSection& each) {
    return each.type != SHT_NOBITS && each.type != SHT_NULL && each.name == name;
  });
  return found == sections_.end() ? nullptr : &*found;
}

const ElfSegment* ElfView::segment(uint32_t type) const {
  const auto found = std::ranges::find(segments_, type, &ElfSegment::type);
  return found == segments_.end() ? nullptr : &*found;
}

base::Result<std::vector<std::byte>> ElfView::read(uint64_t offset, uint64_t size,
                                                   uint64_t limit) const {
  if (size > limit) {
    return base::Error{base::Error::Kind::kBusy, 0, "ELF file: a part is over its limit", {}};
  }
  if (offset > source_->size() || size > source_->size() - offset) {
    return base::invalid_error("ELF file: a part is not in the file");
  }
  std::vector<std::byte> bytes(size);
  if (!source_->read(offset, bytes)) return base::invalid_error("ELF file: cannot be read");
  return bytes;
}

base::Result<std::vector<std::byte>> ElfView::contents(const ElfSection& section,
                                                       uint64_t limit) const {
  if (section.type == SHT_NOBITS) return std::vector<std::byte>{};
  auto bytes = read(section.offset, section.size, limit);
  if (!bytes || (section.flags & SHF_COMPRESSED) == 0) return bytes;
  Elf64_Chdr header{};
  if (bytes->size() < sizeof header) return base::invalid_error("compressed section: no header");
  std::memcpy(&header, bytes->data(), sizeof header);
  if (header.ch_type != ELFCOMPRESS_ZLIB) {
    return base::Error{base::Error::Kind::kUnsupported, 0, "compressed section: not by zlib", {}};
  }
  return inflate_exactly(base::Bytes(*bytes).subspan(sizeof header), header.ch_size, limit);
}

std::optional<uint64_t> ElfView::offset_of(uint64_t address) const {
  for (const ElfSegment& each : segments_) {
    if (each.type == PT_LOAD && address >= each.address &&
        address - each.address < each.file_size) {
      return each.offset + (address - each.address);
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> ElfView::address_of(uint64_t offset) const {
  for (const ElfSegment& each : segments_) {
    if (each.type == PT_LOAD && offset >= each.offset && offset - each.offset < each.file_size) {
      return each.address + (offset - each.offset);
    }
  }
  return std::nullopt;
}

std::vector<ElfSegment> ElfView::executable_segments() const {
  std::vector<ElfSegment> result;
  for (const ElfSegment& each : segments_) {
    if (each.type == PT_LOAD && (each.flags & PF_X) != 0 && each.file_size != 0 &&
        each.address <= UINT64_MAX - each.file_size) {
      result.push_back(each);
    }
  }
  std::ranges::stable_sort(result, {}, &ElfSegment::address);
  const auto overlaps = [](const ElfSegment& left, const ElfSegment& right) {
    return right.address < left.address + left.file_size;
  };
  result.erase(std::ranges::unique(result, overlaps).begin(), result.end());
  return result;
}

}  // namespace hostlens::symbols
