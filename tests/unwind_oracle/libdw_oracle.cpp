// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/libdw_oracle.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "unwind_oracle/rule_words.h"

namespace hostlens::tests {
namespace {

struct FreeFrame {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }
};
using Frame = std::unique_ptr<Dwarf_Frame, FreeFrame>;

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

std::string words_of(const Dwarf_Op* operations, size_t count) {
  std::vector<Operation> list;
  for (size_t i = 0; i < count; ++i) {
    list.push_back({.atom = operations[i].atom,
                    .first = static_cast<int64_t>(operations[i].number),
                    .second = static_cast<int64_t>(operations[i].number2)});
  }
  return operation_words(list);
}

std::string register_words(Dwarf_Frame* frame, int number) {
  Dwarf_Op space[3];
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, number, space, &operations, &count) != 0) return "error";
  if (count == 0) return operations == nullptr ? "same" : "undefined";
  return words_of(operations, count);
}

/// libdw's rules and where they hold.
struct Interval {
  uint64_t begin = 0;
  uint64_t end = 0;
  RuleWords words;
};

class Oracle {
 public:
  Oracle(Elf* elf, const symbols::UnwindTable& table, const OracleExemptions& exemptions)
      : table_(table), exemptions_(exemptions) {
    eh_frame_ = dwarf_getcfi_elf(elf);
    dwarf_ = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
    if (dwarf_ != nullptr) debug_frame_ = dwarf_getcfi(dwarf_);
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  ~Oracle() {
    if (eh_frame_ != nullptr) dwarf_cfi_end(eh_frame_);
    if (dwarf_ != nullptr) dwarf_end(dwarf_);
  }

  OracleReport run(const std::vector<symbols::ElfSegment>& code) {
    if (eh_frame_ == nullptr && debug_frame_ == nullptr) {
      report_.error = std::string("libdw: no call frame information: ") + dwarf_errmsg(-1);
      return std::move(report_);
    }
    for (const symbols::ElfSegment& segment : code)
      walk(segment.address, segment.address + segment.file_size);
    return std::move(report_);
  }

 private:
  static constexpr uint64_t kPadding = 15;
  static constexpr uint64_t kFineSteps = 64;

  void walk(uint64_t at, uint64_t end) {
    uint64_t described_end = 0;
    while (at < end) {
      if (const auto interval = ask(at)) {
        compare(*interval, at, std::min(interval->end, end));
        at = described_end = std::max(at + 1, interval->end);
        continue;
      }
      expect_nothing(at, described_end);
      // Functions begin at multiples of 16, but for hand-written ones right behind another.
      at = at - described_end < kFineSteps ? at + 1 : (at & ~uint64_t{15}) + 16;
    }
  }

  std::optional<Interval> ask(uint64_t address) const {
    for (Dwarf_CFI* source : {eh_frame_, debug_frame_}) {
      Dwarf_Frame* raw = nullptr;
      if (source == nullptr || dwarf_cfi_addrframe(source, address, &raw) != 0) continue;
      const Frame frame(raw);
      Interval interval;
      bool signal = false;
      dwarf_frame_info(raw, &interval.begin, &interval.end, &signal);
      Dwarf_Op* operations = nullptr;
      size_t count = 0;
      interval.words.cfa = dwarf_frame_cfa(raw, &operations, &count) == 0 && count != 0
                               ? words_of(operations, count)
                               : "none";
      interval.words.return_address = register_words(raw, UNWIND_RIP);
      interval.words.rsp = register_words(raw, UNWIND_RSP);
      interval.words.rbp = register_words(raw, UNWIND_RBP);
      interval.words.rbx = register_words(raw, UNWIND_RBX);
      interval.words.signal_frame = signal;
      return interval;
    }
    return std::nullopt;
  }

  /// All of our rows that hold somewhere in [begin, end).
  void compare(const Interval& interval, uint64_t begin, uint64_t end) {
    ++report_.intervals;
    report_.bytes += end - begin;
    for (uint64_t at = begin; at < end; at = next_row(at)) {
      ++report_.compared;
      if (exemptions_.rows && exemptions_.rows(at)) {
        ++report_.exempted;
        continue;
      }
      judge(interval.words, symbols::find_row(table_, at), at);
    }
  }

  void judge(RuleWords expected, const unwind_row* row, uint64_t at) {
    if (row == nullptr) {
      mismatch(at, expected, "no row");
      return;
    }
    if (row->cfa_kind == UNWIND_CFA_INVALID) {
      if (row->cfa_offset == UNWIND_INVALID_GAP) {
        mismatch(at, expected, "a gap");
      } else {
        ++report_.invalid;
        ++report_
              .invalid_rules["reason " + std::to_string(row->cfa_offset) + ": " + expected.text()];
      }
      return;
    }
    if (exemptions_.rbp && (expected.rbp == "same" || expected.rbp == "undefined")) {
      expected.rbp = rbp_words(*row);
    }
    switch (expected.judge(*row)) {
      case Verdict::kSame:
        return;
      case Verdict::kRegisterLost:
        ++report_.lost_registers;
        return;
      case Verdict::kDifferent:
        mismatch(at, expected, row_text(*row));
        return;
    }
  }

  /// libdw knows nothing of `at`: no row, or the padding behind a function.
  void expect_nothing(uint64_t at, uint64_t described_end) {
    const unwind_row* row = symbols::find_row(table_, at);
    if (row == nullptr || row->cfa_kind == UNWIND_CFA_INVALID ||
        row->cfa_kind == UNWIND_CFA_FRAME_POINTER || at - described_end < kPadding) {
      return;
    }
    mismatch(at, {}, row_text(*row) + " where libdw has nothing");
  }

  [[nodiscard]] uint64_t next_row(uint64_t address) const {
    const uint64_t number = address >> UNWIND_PAGE_SHIFT;
    const uint64_t page_end = (number + 1) << UNWIND_PAGE_SHIFT;
    const unwind_row* row = symbols::find_row(table_, address);
    if (row == nullptr) return page_end;
    const auto page = std::ranges::lower_bound(
        table_.pages, number, {},
        [](const symbols::NumberedPage& each) { return uint64_t{each.number}; });
    const unwind_row* end = table_.rows.data() + page->page.first_row + page->page.count;
    return row + 1 == end ? page_end : (number << UNWIND_PAGE_SHIFT) + row[1].pc_low;
  }

  void mismatch(uint64_t at, const RuleWords& expected, const std::string& found) {
    ++report_.mismatches;
    if (report_.first_mismatches.size() >= 10) return;
    char address[32];
    std::snprintf(address, sizeof address, "%#lx", at);
    report_.first_mismatches.push_back(std::string(address) + ": libdw: " + expected.text() +
                                       "; row: " + found);
  }

  const symbols::UnwindTable& table_;
  const OracleExemptions& exemptions_;
  Dwarf_CFI* eh_frame_ = nullptr;
  Dwarf* dwarf_ = nullptr;
  Dwarf_CFI* debug_frame_ = nullptr;  // owned by dwarf_
  OracleReport report_;
};

OracleReport compare_elf(Elf* raw, const symbols::UnwindTable& table,
                         const std::vector<symbols::ElfSegment>& code,
                         const OracleExemptions& exemptions) {
  const std::unique_ptr<Elf, EndElf> elf(raw);
  if (!elf) return {.error = std::string("libelf: ") + elf_errmsg(-1)};
  return Oracle(elf.get(), table, exemptions).run(code);
}

}  // namespace

OracleReport compare_with_libdw(const std::string& path, const symbols::UnwindTable& table,
                                const std::vector<symbols::ElfSegment>& code,
                                const OracleExemptions& exemptions) {
  elf_version(EV_CURRENT);
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return compare_elf(elf_begin(fd.get(), ELF_C_READ_MMAP_PRIVATE, nullptr), table, code,
                     exemptions);
}

OracleReport compare_with_libdw(std::vector<char> image, const symbols::UnwindTable& table,
                                const std::vector<symbols::ElfSegment>& code) {
  elf_version(EV_CURRENT);
  return compare_elf(elf_memory(image.data(), image.size()), table, code, {});
}

}  // namespace hostlens::tests
