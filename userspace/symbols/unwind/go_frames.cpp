// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/go_frames.h"

#include <algorithm>

#include "symbols/names/go_program.h"

namespace hostlens::symbols {

GoFrames::GoFrames(const ElfView& file) : code_(file.executable_segments()) {
  auto table = open_go_program(file);
  if (!table) return;
  functions_ = *std::move(table);
  switches_.emplace(file, *functions_);
}

void GoFrames::add(const GoRow& row, RowTable& table) const {
  const bool is_code = std::ranges::any_of(code_, [&](const ElfSegment& segment) {
    return row.begin >= segment.address && row.end - segment.address <= segment.file_size &&
           row.end <= kRowAddressEnd;
  });
  if (is_code) table.add(row.begin, row.end, row.row);
}

void GoFrames::add_through(uint64_t address, RowTable& table) {
  if (!functions_) return;
  for (; next_ < functions_->functions() && !limit_reached() && !table.limit_reached(); ++next_) {
    const auto start = functions_->start_of(next_);
    if (start && *start > address) return;
    steps_ += 1 + functions_->stack_depths(next_, [&](const GoStackDepth& depth) {
      // Less than the return address itself is a hostile table's.
      if (depth.begin >= depth.end || depth.bytes < -8) return;
      rows_.clear();
      switches_->append_rows(next_, depth, rows_);
      for (const GoRow& row : rows_) add(row, table);
    });
  }
}

}  // namespace hostlens::symbols
