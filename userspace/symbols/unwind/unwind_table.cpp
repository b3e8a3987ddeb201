// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/unwind_table.h"

#include <algorithm>

#include "symbols/unwind/cfi_program.h"
#include "symbols/unwind/frame_sections.h"
#include "symbols/unwind/go_frames.h"
#include "symbols/unwind/row_encoding.h"

namespace hostlens::symbols {
namespace {

/// Rules of the program into the table, counted.
class TableSink final : public RuleSink {
 public:
  TableSink(RowTable& table, UnwindStatistics& statistics)
      : table_(table), statistics_(statistics) {}

  void on_rules(uint64_t begin, uint64_t end, const FrameRules& rules, bool signal_frame) override {
    const unwind_row row = encode_row(rules, signal_frame);
    if (row.cfa_kind == UNWIND_CFA_INVALID) ++statistics_.invalid[row.cfa_offset];
    if (row.rbp_kind == UNWIND_RBP_UNDEFINED && rules.rbp.kind != RegisterRule::Kind::kUndefined) {
      ++statistics_.rbp_lost;
    }
    table_.add(begin, end, row);
  }
  void on_failure(uint64_t begin, uint64_t end, Failure failure) override {
    const auto reason =
        failure == Failure::kLimit ? UNWIND_INVALID_LIMIT : UNWIND_INVALID_INSTRUCTION;
    ++statistics_.invalid[reason];
    table_.add(begin, end, invalid_row(reason));
  }

 private:
  RowTable& table_;
  UnwindStatistics& statistics_;
};

/// The segment that holds the FDE's first byte, null if no code does.
const ElfSegment* segment_of(const std::vector<ElfSegment>& code, uint64_t address) {
  const auto after = std::ranges::upper_bound(code, address, {}, &ElfSegment::address);
  if (after == code.begin()) return nullptr;
  const ElfSegment& segment = *(after - 1);
  return address - segment.address < segment.file_size ? &segment : nullptr;
}

/// Sorted by address, without those of no code, none going beyond its segment; of those with one
/// start the first read.
void order(const std::vector<ElfSegment>& code, std::vector<Fde>& fdes,
           UnwindStatistics& statistics) {
  const size_t all = fdes.size();
  std::erase_if(fdes, [&](Fde& fde) {
    const ElfSegment* segment = segment_of(code, fde.start);
    if (segment == nullptr || fde.size == 0) return true;
    const uint64_t room = segment->file_size - (fde.start - segment->address);
    fde.size = static_cast<uint32_t>(std::min<uint64_t>(fde.size, room));
    return false;
  });
  statistics.outside = all - fdes.size();
  if (!std::ranges::is_sorted(fdes, {}, &Fde::start)) {
    std::ranges::stable_sort(fdes, {}, &Fde::start);
  }
  const size_t ordered = fdes.size();
  fdes.erase(std::ranges::unique(fdes, {}, &Fde::start).begin(), fdes.end());
  statistics.fdes = fdes.size();
  statistics.overlapping = ordered - fdes.size();
}

/// A row takes three bytes of instructions nearly always. What is reserved and not used costs no
/// memory.
size_t expected_rows(const std::vector<Fde>& fdes) {
  size_t bytes = 0;
  for (const Fde& fde : fdes) bytes += fde.instructions_end - fde.instructions;
  return bytes / 3 + 2 * fdes.size();
}

/// Go keeps frame pointers in its own code: for what neither DWARF nor its own table tells.
void add_background(const ElfView& file, RowTable& table) {
  const ElfSection* text = file.section(".text");
  if (file.section(".gopclntab") == nullptr || text == nullptr) return;
  for (const ElfSegment& segment : file.executable_segments()) {
    const uint64_t begin = std::max(text->address, segment.address);
    const uint64_t end = std::min(text->address + std::min(text->size, kRowAddressEnd),
                                  segment.address + segment.file_size);
    if (begin >= end || end > kRowAddressEnd) continue;
    unwind_row row{};
    row.cfa_kind = UNWIND_CFA_FRAME_POINTER;
    table.set_background(begin, end, row);
    return;
  }
}

/// Where an entry and `go` describe the same function, `go` counts.
UnwindTable build(const ElfView& file, FrameEntries& entries, GoFrames& go,
                  const UnwindLimits& limits) {
  UnwindTable result;
  UnwindStatistics& statistics = result.statistics;
  std::vector<ElfSegment> code = file.executable_segments();
  std::erase_if(
      code, [](const ElfSegment& each) { return each.address + each.file_size > kRowAddressEnd; });
  for (const ElfSegment& each : code) statistics.code_bytes += each.file_size;
  statistics.broken = entries.broken;
  order(code, entries.fdes, statistics);

  RowTable table(limits.table);
  table.reserve(expected_rows(entries.fdes));
  add_background(file, table);
  TableSink sink(table, statistics);
  CfiProgram program(entries);
  for (size_t i = 0; i < entries.fdes.size() && !table.limit_reached(); ++i) {
    const Fde& fde = entries.fdes[i];
    uint64_t end = fde.start + fde.size;
    if (i + 1 < entries.fdes.size() && entries.fdes[i + 1].start < end) {
      end = entries.fdes[i + 1].start;
      ++statistics.overlapping;
    }
    statistics.covered_bytes += end - fde.start;
    go.add_through(fde.start, table);
    program.run(fde, end, sink);
  }
  go.add_through(kRowAddressEnd, table);
  table.finish();
  statistics.full_pages = table.full_pages();
  statistics.limit_reached = table.limit_reached() || entries.limit_reached || go.limit_reached();
  result.rows = std::move(table.rows());
  result.pages = std::move(table.pages());
  return result;
}

base::Result<UnwindTable> build_from(const ElfView& file, const ElfView* debug_file,
                                     const UnwindLimits& limits) {
  // The order decides which one counts where two describe the same function.
  std::vector<LoadedFrames> loaded;
  const auto keep = [&loaded](base::Result<std::optional<LoadedFrames>> frames) {
    if (frames && *frames) loaded.push_back(*std::move(*frames));
    return frames.has_value();
  };
  auto eh_frame = load_eh_frame(file, limits.section_bytes);
  if (!eh_frame) return std::move(eh_frame).error();
  keep(std::move(eh_frame));
  // Go's own table has all that its .debug_frame has, and more.
  GoFrames go(file);
  // What only adds to it may be missing or broken.
  bool complete = true;
  if (go.empty()) {
    complete = keep(load_debug_frame(file, limits.section_bytes));
    if (debug_file != nullptr) {
      complete = keep(load_debug_frame(*debug_file, limits.section_bytes)) && complete;
    }
  }
  FrameEntries entries;
  for (const LoadedFrames& each : loaded) read_entries(each.section(), limits.entries, entries);
  if (!complete) ++entries.broken;
  return build(file, entries, go, limits);
}

}  // namespace

base::Result<UnwindTable> build_unwind_table(const ElfView& file, const UnwindLimits& limits) {
  return build_from(file, nullptr, limits);
}

base::Result<UnwindTable> build_unwind_table(const ElfView& file, const ElfView& debug_file,
                                             const UnwindLimits& limits) {
  if (file.build_id() != debug_file.build_id()) {
    return base::invalid_error("file of debug symbols: its build id is another one");
  }
  return build_from(file, &debug_file, limits);
}

const unwind_row* find_row(const UnwindTable& table, uint64_t address) {
  const uint64_t number = address >> UNWIND_PAGE_SHIFT;
  const auto page = std::ranges::lower_bound(
      table.pages, number, {}, [](const NumberedPage& each) { return uint64_t{each.number}; });
  if (page == table.pages.end() || page->number != number) return nullptr;
  const auto first = table.rows.begin() + page->page.first_row;
  const auto after =
      std::upper_bound(first, first + page->page.count, address & UNWIND_PAGE_MASK,
                       [](uint64_t offset, const unwind_row& row) { return offset < row.pc_low; });
  return after == first ? nullptr : &*(after - 1);
}

}  // namespace hostlens::symbols
