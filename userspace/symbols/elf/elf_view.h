// SPDX-License-Identifier: Apache-2.0
// What the rest of symbols/ needs of an ELF file: its segments, its sections and its build id, read
// with bounds from bytes that nobody vouches for. Formats: System V gABI chapters 4 and 5, <elf.h>.
// 64-bit little-endian x86-64 only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "symbols/elf/byte_source.h"

namespace hostlens::symbols {

/// What a file may cost. The headers alone stay below a few hundred KiB.
struct ElfLimits {
  uint32_t segments = 256;
  uint32_t sections = 4096;            ///< executables have 30 to 40
  uint32_t section_names = 256 << 10;  ///< bytes of the names' string table
  uint32_t notes = 64 << 10;           ///< bytes of one note segment or section
};

struct ElfSegment {
  uint32_t type = 0;   ///< PT_*
  uint32_t flags = 0;  ///< PF_*
  uint64_t offset = 0;
  uint64_t address = 0;
  uint64_t file_size = 0;
  uint64_t memory_size = 0;
};

struct ElfSection {
  std::string name;
  uint32_t type = 0;   ///< SHT_*
  uint64_t flags = 0;  ///< SHF_*
  uint64_t address = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t link = 0;
  uint64_t entry_size = 0;
};

/// Headers are copied when it is opened, contents are read when asked for. Any thread; copies share
/// the source.
class ElfView {
 public:
  /// kUnsupported: another class, byte order, machine or an object file; kInvalid: not an ELF file
  /// or a broken one. A section table that cannot be read is as good as none: the kernel runs such
  /// files too.
  static base::Result<ElfView> open(std::shared_ptr<const ByteSource> source,
                                    const ElfLimits& limits = {});

  [[nodiscard]] const std::vector<ElfSegment>& segments() const { return segments_; }
  [[nodiscard]] const std::vector<ElfSection>& sections() const { return sections_; }
  /// The first one of that name with contents in the file (SHT_NOBITS counts as absent), null
  /// without.
  [[nodiscard]] const ElfSection* section(std::string_view name) const;
  [[nodiscard]] const ElfSegment* segment(uint32_t type) const;
  /// NT_GNU_BUILD_ID as hex digits; empty without one.
  [[nodiscard]] const std::string& build_id() const { return build_id_; }
  [[nodiscard]] uint64_t entry() const { return entry_; }
  [[nodiscard]] const ByteSource& source() const { return *source_; }
  [[nodiscard]] std::shared_ptr<const ByteSource> shared_source() const { return source_; }

  /// Contents of a section, decompressed where it is SHF_COMPRESSED (zlib); kBusy when it has over
  /// `limit` bytes.
  [[nodiscard]] base::Result<std::vector<std::byte>> contents(const ElfSection& section,
                                                              uint64_t limit) const;
  /// Bytes of the file.
  [[nodiscard]] base::Result<std::vector<std::byte>> read(uint64_t offset, uint64_t size,
                                                          uint64_t limit) const;

  /// Between virtual addresses of the file and its offsets, by PT_LOAD; nullopt outside of what the
  /// file holds.
  [[nodiscard]] std::optional<uint64_t> offset_of(uint64_t address) const;
  [[nodiscard]] std::optional<uint64_t> address_of(uint64_t offset) const;
  /// PT_LOAD with PF_X, by address; the part that is in the file. Segments that overlap an earlier
  /// one are left out.
  [[nodiscard]] std::vector<ElfSegment> executable_segments() const;

 private:
  explicit ElfView(std::shared_ptr<const ByteSource> source) : source_(std::move(source)) {}
  [[nodiscard]] bool read_segments(uint64_t offset, uint32_t count);
  void read_sections(uint64_t offset, uint32_t count, uint32_t names_index,
                     const ElfLimits& limits);
  void find_build_id(const ElfLimits& limits);

  std::shared_ptr<const ByteSource> source_;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSection> sections_;
  std::string build_id_;
  uint64_t entry_ = 0;
};

}  // namespace hostlens::symbols
