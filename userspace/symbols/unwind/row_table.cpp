// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/row_table.h"

#include <algorithm>

#include "symbols/unwind/row_encoding.h"

namespace hostlens::symbols {
namespace {

uint32_t page_of(uint64_t address) { return static_cast<uint32_t>(address >> UNWIND_PAGE_SHIFT); }

uint32_t offset_in_page(uint64_t address) {
  return static_cast<uint32_t>(address & UNWIND_PAGE_MASK);
}

}  // namespace

void RowTable::reserve(size_t rows) { rows_.reserve(std::min<size_t>(rows, limits_.rows)); }

void RowTable::set_background(uint64_t begin, uint64_t end, const unwind_row& row) {
  background_begin_ = begin;
  background_end_ = end;
  background_ = row;
}

void RowTable::add(uint64_t begin, uint64_t end, const unwind_row& row) {
  begin = std::max(begin, cursor_);
  if (begin >= end) return;
  if (!pages_.empty() && begin - cursor_ <= limits_.padding) {
    hold(cursor_, begin, last_);
  } else {
    fill_gap(cursor_, begin);
  }
  hold(begin, end, row);
  last_ = row;
  cursor_ = end;
}

void RowTable::finish() {
  const uint64_t end = std::max(cursor_, background_end_);
  fill_gap(cursor_, end);
  mark_unknown(end, end + 1);
}

void RowTable::fill_gap(uint64_t begin, uint64_t end) {
  const uint64_t background_begin = std::max(begin, background_begin_);
  const uint64_t background_end = std::min(end, background_end_);
  if (background_begin >= background_end) {
    mark_unknown(begin, end);
    return;
  }
  mark_unknown(begin, background_begin);
  hold(background_begin, background_end, background_);
  mark_unknown(background_end, end);
}

/// Pages that lie wholly in the gap have no rows, which says the same; the page where it ends gets
/// its row when it opens.
void RowTable::mark_unknown(uint64_t begin, uint64_t end) {
  if (begin < end && !pages_.empty() && pages_.back().number == page_of(begin)) {
    append(offset_in_page(begin), invalid_row(UNWIND_INVALID_GAP));
  }
}

void RowTable::hold(uint64_t begin, uint64_t end, const unwind_row& row) {
  while (begin < end && !limit_reached_) {
    const uint32_t number = page_of(begin);
    const uint32_t offset = offset_in_page(begin);
    if (pages_.empty() || pages_.back().number != number) {
      if (!open_page(number)) return;
      if (offset != 0) append(0, invalid_row(UNWIND_INVALID_GAP));
    }
    append(offset, row);
    begin = std::min(end, (uint64_t{number} + 1) << UNWIND_PAGE_SHIFT);
  }
}

bool RowTable::open_page(uint32_t number) {
  if (pages_.size() >= limits_.pages || rows_.size() >= limits_.rows) {
    limit_reached_ = true;
    return false;
  }
  pages_.push_back(
      {.number = number,
       .page = {.first_row = static_cast<uint32_t>(rows_.size()), .count = 0, .flags = 0}});
  page_given_up_ = false;
  return true;
}

void RowTable::append(uint32_t offset, const unwind_row& row) {
  unwind_page& page = pages_.back().page;
  if (page_given_up_ || (page.count != 0 && same_rules(rows_.back(), row))) return;
  if (page.count == UNWIND_PAGE_ROWS_MAX) {
    ++full_pages_;
    give_up_page();
    return;
  }
  if (rows_.size() >= limits_.rows) {
    limit_reached_ = true;
    give_up_page();  // its rows are incomplete
    return;
  }
  rows_.push_back(row);
  rows_.back().pc_low = static_cast<uint16_t>(offset);
  ++page.count;
}

void RowTable::give_up_page() {
  unwind_page& page = pages_.back().page;
  page_given_up_ = true;
  if (page.count == 0) {
    pages_.pop_back();
    return;
  }
  rows_.resize(page.first_row + 1);
  rows_.back() = invalid_row(UNWIND_INVALID_LIMIT);
  page.count = 1;
}

}  // namespace hostlens::symbols
