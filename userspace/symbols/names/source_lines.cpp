// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/source_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace hostlens::symbols {
namespace {

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};
struct EndDwarf {
  void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};
using ElfHandle = std::unique_ptr<Elf, EndElf>;
using DwarfHandle = std::unique_ptr<Dwarf, EndDwarf>;

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, 4096));
}

/// Scopes that libdw hands out are the caller's to free.
struct Scopes {
  Dwarf_Die* dies = nullptr;
  int count = 0;
  Scopes() = default;
  Scopes(const Scopes&) = delete;
  Scopes& operator=(const Scopes&) = delete;
  ~Scopes() { std::free(dies); }
};

std::string function_name(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(die, name, &attribute) != nullptr) {
      return text_of(dwarf_formstring(&attribute));
    }
  }
  return text_of(dwarf_diename(die));
}

uint32_t number_of(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0) return 0;
  return static_cast<uint32_t>(std::min<Dwarf_Word>(value, UINT32_MAX));
}

std::string file_of(Dwarf_Die* unit, uint32_t index) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || index >= count) return {};
  return text_of(dwarf_filesrc(files, index, nullptr, nullptr));
}

struct Census {
  uint64_t bytes = 0;
  bool has_info = false;
  bool needs_other = false;
};

std::optional<Census> count_sections(Elf* elf) {
  Census census;
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) return std::nullopt;
    const char* text = elf_strptr(elf, names, header.sh_name);
    const std::string_view name = text == nullptr ? "" : text;
    if (name == ".gnu_debugaltlink") census.needs_other = true;
    // The older way to compress, .zdebug_*, has its size where nothing checks it.
    if (name.starts_with(".zdebug_")) census.needs_other = true;
    if (!name.starts_with(".debug_") || header.sh_type == SHT_NOBITS) continue;
    uint64_t bytes = header.sh_size;
    GElf_Chdr compressed;
    if ((header.sh_flags & SHF_COMPRESSED) != 0) {
      if (gelf_getchdr(section, &compressed) == nullptr) return std::nullopt;
      bytes = compressed.ch_size;
    }
    if (bytes > UINT64_MAX / 2 - census.bytes) return std::nullopt;
    census.bytes += bytes;
    if (name == ".debug_info") census.has_info = true;
  }
  return census;
}

class DwarfLines final : public SourceLines {
 public:
  DwarfLines(base::UniqueFd file, ElfHandle elf, DwarfHandle dwarf, uint64_t bytes,
             const SourceLimits& limits, std::function<uint64_t()> now_ns)
      : file_(std::move(file)),
        elf_(std::move(elf)),
        dwarf_(std::move(dwarf)),
        bytes_(bytes),
        limits_(limits),
        now_ns_(std::move(now_ns)) {}

  /// Not by .debug_aranges, which clang does not write.
  void index_units();
  std::vector<SourceFrame> find(uint64_t address) override;
  uint64_t bytes() const override { return bytes_ + ranges_.capacity() * sizeof(Range); }

 private:
  struct Range {
    uint64_t start = 0;
    uint64_t limit = 0;
    uint64_t unit = 0;  ///< offset of its DIE
  };

  std::vector<SourceFrame> frames_at(Dwarf_Die& unit, uint64_t address) const;

  base::UniqueFd file_;
  ElfHandle elf_;
  DwarfHandle dwarf_;
  uint64_t bytes_;
  SourceLimits limits_;
  std::function<uint64_t()> now_ns_;
  uint64_t spent_ns_ = 0;
  std::vector<Range> ranges_;
};

void DwarfLines::index_units() {
  const uint64_t begin = now_ns_();
  uint32_t units = 0;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  while (units++ < limits_.units && ranges_.size() < limits_.ranges &&
         now_ns_() - begin < limits_.time_ns / 2 &&
         dwarf_get_units(dwarf_.get(), unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr limit = 0;
    ptrdiff_t at = 0;
    while (ranges_.size() < limits_.ranges &&
           (at = dwarf_ranges(&die, at, &base, &start, &limit)) > 0) {
      if (start < limit) ranges_.push_back({start, limit, dwarf_dieoffset(&die)});
    }
  }
  std::ranges::sort(ranges_, {}, &Range::start);
  spent_ns_ += now_ns_() - begin;
}

std::vector<SourceFrame> DwarfLines::find(uint64_t address) {
  if (spent_ns_ > limits_.time_ns) return {};
  const auto next = std::ranges::upper_bound(ranges_, address, {}, &Range::start);
  if (next == ranges_.begin() || address >= std::prev(next)->limit) return {};
  Dwarf_Die unit;
  if (dwarf_offdie(dwarf_.get(), std::prev(next)->unit, &unit) == nullptr) return {};
  const uint64_t begin = now_ns_();
  auto frames = frames_at(unit, address);
  spent_ns_ += now_ns_() - begin;
  return frames;
}

std::vector<SourceFrame> DwarfLines::frames_at(Dwarf_Die& unit, uint64_t address) const {
  SourceFrame frame;  // where execution is, seen from the function that is looked at
  if (Dwarf_Line* line = dwarf_getsrc_die(&unit, address); line != nullptr) {
    int number = 0;
    if (dwarf_lineno(line, &number) == 0 && number > 0) frame.line = static_cast<uint32_t>(number);
    frame.file = text_of(dwarf_linesrc(line, nullptr, nullptr));
  }
  // The first call follows an inlined function to where it was written, the second one to where it
  // was put: the latter is wanted, from the innermost scope that the former finds.
  Scopes written;
  Scopes placed;
  written.count = dwarf_getscopes(&unit, address, &written.dies);
  if (written.count > 0) placed.count = dwarf_getscopes_die(&written.dies[0], &placed.dies);
  std::vector<SourceFrame> frames;
  for (int i = 0; i < placed.count && frames.size() < limits_.inlines; ++i) {
    Dwarf_Die* die = &placed.dies[i];
    const int tag = dwarf_tag(die);
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) continue;
    frame.function = function_name(die);
    frames.push_back(frame);
    if (tag == DW_TAG_subprogram) break;
    frame.file = file_of(&unit, number_of(die, DW_AT_call_file));
    frame.line = number_of(die, DW_AT_call_line);
  }
  if (frames.empty() && !frame.file.empty()) frames.push_back(frame);  // assembly
  return frames;
}

}  // namespace

base::Result<std::unique_ptr<SourceLines>> SourceLines::open(base::UniqueFd file,
                                                             const SourceLimits& limits,
                                                             std::function<uint64_t()> now_ns) {
  elf_version(EV_CURRENT);
  // Read, not mapped: a file that is truncated meanwhile must not end the process.
  ElfHandle elf(elf_begin(file.get(), ELF_C_READ, nullptr));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF)
    return base::invalid_error("DWARF: not an ELF file");
  const auto census = count_sections(elf.get());
  if (!census) return base::invalid_error("DWARF: broken sections");
  if (!census->has_info) {
    return base::Error{base::Error::Kind::kNotFound, 0, "DWARF: the file has none", {}};
  }
  if (census->needs_other) {
    return base::Error{base::Error::Kind::kUnsupported, 0, "DWARF: parts are in another file", {}};
  }
  if (census->bytes > limits.dwarf_bytes) {
    return base::Error{base::Error::Kind::kBusy, 0, "DWARF: over its limit", {}};
  }
  DwarfHandle dwarf(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr));
  if (!dwarf) return base::invalid_error(std::string("DWARF: ") + text_of(dwarf_errmsg(-1)));
  auto lines = std::make_unique<DwarfLines>(std::move(file), std::move(elf), std::move(dwarf),
                                            census->bytes, limits, std::move(now_ns));
  lines->index_units();
  return std::unique_ptr<SourceLines>(std::move(lines));
}

}  // namespace hostlens::symbols
