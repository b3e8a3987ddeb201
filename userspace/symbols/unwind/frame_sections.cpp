// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/frame_sections.h"

#include <elf.h>

#include <algorithm>

namespace hostlens::symbols {
namespace {

using Loaded = base::Result<std::optional<LoadedFrames>>;

constexpr uint64_t kHeaderBytes = 4 + 10;  // version, three encodings, one pointer of any encoding

Loaded load(const ElfView& file, const ElfSection& section, CfiSection::Kind kind, uint64_t limit) {
  auto bytes = file.contents(section, limit);
  if (!bytes) return std::move(bytes).error().with_context(section.name);
  if (bytes->empty()) return std::optional<LoadedFrames>{};
  LoadedFrames frames{.kind = kind, .bytes = *std::move(bytes), .bases = {}};
  frames.bases.section = section.address;
  if (const ElfSection* text = file.section(".text")) frames.bases.text = text->address;
  return std::optional(std::move(frames));
}

/// Where .eh_frame begins, as .eh_frame_hdr tells it.
std::optional<uint64_t> eh_frame_address(const ElfView& file, const ElfSegment& header) {
  const auto bytes =
      file.read(header.offset, std::min(header.file_size, kHeaderBytes), kHeaderBytes);
  if (!bytes) return std::nullopt;
  CfiCursor cursor{base::Bytes(*bytes)};
  const uint8_t version = cursor.fixed<uint8_t>();
  const uint8_t encoding = cursor.fixed<uint8_t>();
  (void)cursor.fixed<uint16_t>();  // encodings of the search table
  const PointerBases bases{.section = header.address, .text = 0, .data = header.address};
  const uint64_t address = read_pointer(cursor, encoding, bases);
  if (version != 1 || cursor.failed()) return std::nullopt;
  return address;
}

/// Its end is not told: up to the end of the file's part of its segment, the entries end with a
/// terminator.
Loaded load_by_header(const ElfView& file, const ElfSegment& header, uint64_t limit) {
  const auto address = eh_frame_address(file, header);
  const auto offset = address ? file.offset_of(*address) : std::nullopt;
  if (!offset) return base::invalid_error(".eh_frame_hdr: names no .eh_frame");
  for (const ElfSegment& segment : file.segments()) {
    if (segment.type != PT_LOAD || *offset < segment.offset ||
        *offset - segment.offset >= segment.file_size) {
      continue;
    }
    const uint64_t size = std::min(segment.file_size - (*offset - segment.offset),
                                   file.source().size() - std::min(file.source().size(), *offset));
    auto bytes = file.read(*offset, std::min(size, limit), limit);
    if (!bytes) return std::move(bytes).error().with_context(".eh_frame");
    LoadedFrames frames{
        .kind = CfiSection::Kind::kEhFrame, .bytes = *std::move(bytes), .bases = {}};
    frames.bases.section = *address;
    frames.bytes.resize(entries_end(frames.bytes));
    return std::optional(std::move(frames));
  }
  return base::invalid_error(".eh_frame_hdr: names no .eh_frame");
}

}  // namespace

Loaded load_eh_frame(const ElfView& file, uint64_t limit) {
  if (const ElfSection* section = file.section(".eh_frame")) {
    return load(file, *section, CfiSection::Kind::kEhFrame, limit);
  }
  if (const ElfSegment* header = file.segment(PT_GNU_EH_FRAME)) {
    // A file of debug symbols keeps the program headers without the contents.
    if (!file.sections().empty() || header->file_size == 0) return std::optional<LoadedFrames>{};
    return load_by_header(file, *header, limit);
  }
  return std::optional<LoadedFrames>{};
}

Loaded load_debug_frame(const ElfView& file, uint64_t limit) {
  if (const ElfSection* section = file.section(".debug_frame")) {
    return load(file, *section, CfiSection::Kind::kDebugFrame, limit);
  }
  return std::optional<LoadedFrames>{};
}

}  // namespace hostlens::symbols
