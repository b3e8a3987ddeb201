// SPDX-License-Identifier: Apache-2.0
// Rows of Go's own functions: its runtime walks stacks by the same depths that the linker makes
// .debug_frame of (cmd/link/internal/ld/dwarf.go, writeframes, Go 1.26), and they are there without
// DWARF too.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "symbols/elf/elf_view.h"
#include "symbols/names/go_line_table.h"
#include "symbols/unwind/go_stack_switches.h"
#include "symbols/unwind/row_table.h"

namespace hostlens::symbols {

/// Of one file. One thread.
class GoFrames {
 public:
  /// Without any, where it is no Go program or its table cannot be read.
  explicit GoFrames(const ElfView& file);

  /// Adds the functions that begin at or before `address` and were not added yet.
  void add_through(uint64_t address, RowTable& table);
  [[nodiscard]] bool empty() const { return !functions_; }
  [[nodiscard]] bool limit_reached() const { return steps_ >= kMostSteps; }

 private:
  /// A second of work at most; kubelet takes a million.
  static constexpr uint64_t kMostSteps = 64 << 20;

  void add(const GoRow& row, RowTable& table) const;

  std::vector<ElfSegment> code_;
  std::optional<GoLineTable> functions_;
  std::optional<GoStackSwitches> switches_;
  std::vector<GoRow> rows_;
  uint32_t next_ = 0;
  uint64_t steps_ = 0;
};

}  // namespace hostlens::symbols
