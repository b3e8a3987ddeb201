// SPDX-License-Identifier: Apache-2.0
// Collects rules in ascending order into the rows and pages of records/unwind.h: neighbours that
// say the same are one row, each page begins with a row, and code that nobody describes is told as
// such.
#pragma once

#include <cstdint>
#include <vector>

#include "records/unwind.h"

namespace hostlens::symbols {

/// A page and where it is: its number is the ELF virtual address >> UNWIND_PAGE_SHIFT.
struct NumberedPage {
  uint32_t number = 0;
  unwind_page page{};
};

/// Addresses of rows are below it: page numbers have 32 bits.
inline constexpr uint64_t kRowAddressEnd = uint64_t{1} << 48;

struct RowTableLimits {
  uint32_t rows = 4 << 20;   ///< 32 MiB
  uint32_t pages = 1 << 16;  ///< 4 GiB of code
  /// Up to so many bytes between two functions are padding and go with the function before: no call
  /// returns there but one that never returns, whose lookup is one byte earlier.
  uint32_t padding = 15;
};

/// One thread. Memory: the rows, doubling as they grow.
class RowTable {
 public:
  explicit RowTable(const RowTableLimits& limits) : limits_(limits) {}

  void reserve(size_t rows);
  /// What holds in gaps inside of [begin, end), instead of "nothing is known".
  void set_background(uint64_t begin, uint64_t end, const unwind_row& row);
  /// `row` (its pc_low is ignored) holds in [begin, end). Ranges ascend; what overlaps an earlier
  /// one is cut off. Addresses stay below kRowAddressEnd.
  void add(uint64_t begin, uint64_t end, const unwind_row& row);
  /// After the last one.
  void finish();

  [[nodiscard]] bool limit_reached() const { return limit_reached_; }
  [[nodiscard]] uint64_t full_pages() const { return full_pages_; }
  /// Valid after finish.
  [[nodiscard]] std::vector<unwind_row>& rows() { return rows_; }
  [[nodiscard]] std::vector<NumberedPage>& pages() { return pages_; }

 private:
  void fill_gap(uint64_t begin, uint64_t end);
  void mark_unknown(uint64_t begin, uint64_t end);
  void hold(uint64_t begin, uint64_t end, const unwind_row& row);
  [[nodiscard]] bool open_page(uint32_t number);
  void append(uint32_t offset, const unwind_row& row);
  void give_up_page();

  const RowTableLimits limits_;
  std::vector<unwind_row> rows_;
  std::vector<NumberedPage> pages_;
  uint64_t cursor_ = 0;  ///< end of what was added
  unwind_row last_{};
  uint64_t background_begin_ = 0;
  uint64_t background_end_ = 0;
  unwind_row background_{};
  bool page_given_up_ = false;
  uint64_t full_pages_ = 0;
  bool limit_reached_ = false;
};

}  // namespace hostlens::symbols
