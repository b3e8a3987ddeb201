// SPDX-License-Identifier: Apache-2.0
// What the unwinder in the kernel relies on, whatever the file said.
#pragma once

#include <cstdlib>

#include "symbols/unwind/unwind_table.h"

namespace hostlens::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline void check_table(const symbols::UnwindTable& table, const symbols::UnwindLimits& limits) {
  uint32_t next = 0;
  int64_t number = -1;
  require(table.rows.size() <= limits.table.rows && table.pages.size() <= limits.table.pages);
  for (const symbols::NumberedPage& each : table.pages) {
    require(each.number > number);
    number = each.number;
    require(each.page.first_row == next && each.page.flags == 0);
    require(each.page.count > 0 && each.page.count <= UNWIND_PAGE_ROWS_MAX);
    require(table.rows[next].pc_low == 0);
    for (uint32_t i = 0; i < each.page.count; ++i, ++next) {
      const unwind_row& row = table.rows[next];
      require(i == 0 || row.pc_low > table.rows[next - 1].pc_low);
      require(
          row.cfa_kind <= UNWIND_CFA_RBP_ELSEWHERE ||
          (row.cfa_kind >= UNWIND_CFA_REGISTER && row.cfa_kind <= UNWIND_CFA_REGISTER_FAR_LAST));
      require(row.rbp_kind <= UNWIND_RBP_UNDEFINED);
      require(row.cfa_kind != UNWIND_CFA_INVALID || row.cfa_offset < UNWIND_INVALID_REASONS);
    }
  }
  require(next == table.rows.size());
}

}  // namespace hostlens::fuzz
