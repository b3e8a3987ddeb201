// SPDX-License-Identifier: Apache-2.0
// The unwind table of one executable file: what the unwinder in the kernel needs to walk its
// frames. Built once per build id, in the worker, from a descriptor that the supervisor opened.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "records/unwind.h"
#include "symbols/elf/elf_view.h"
#include "symbols/unwind/cfi_section.h"
#include "symbols/unwind/row_table.h"

namespace hostlens::symbols {

/// Bounds of one build. Time is linear in section bytes, memory is at most those bytes, 24 bytes
/// per FDE, and twice 8 bytes per row while they grow.
struct UnwindLimits {
  uint64_t section_bytes = 96 << 20;  ///< of one section; libLLVM's has 9 MiB
  CfiLimits entries;
  RowTableLimits table;
};

struct UnwindStatistics {
  uint64_t fdes = 0;     ///< used
  uint64_t broken = 0;   ///< entries that could not be read
  uint64_t outside = 0;  ///< FDEs of no code in this file (of discarded functions, mostly)
  uint64_t overlapping =
      0;  ///< FDEs that another one with a later start cut short, or the same start replaced
  uint64_t covered_bytes = 0;  ///< of code, by FDEs
  uint64_t code_bytes = 0;     ///< of executable segments
  /// Changes of rule that became UNWIND_CFA_INVALID, by reason; gaps are not counted.
  std::array<uint64_t, UNWIND_INVALID_REASONS> invalid{};
  uint64_t rbp_lost = 0;  ///< changes of rule whose rbp a row cannot tell
  uint64_t full_pages = 0;
  bool limit_reached = false;  ///< the table ends early: what is missing counts as a gap
};

struct UnwindTable {
  std::vector<unwind_row> rows;     ///< ready to be copied into the map
  std::vector<NumberedPage> pages;  ///< ascending
  UnwindStatistics statistics;
};

/// From .eh_frame and .debug_frame of `file`, of Go in place of the latter from .gopclntab. A file
/// with none of these gives an empty table. Go's code gets UNWIND_CFA_FRAME_POINTER where nothing
/// else is known. Any thread.
[[nodiscard]] base::Result<UnwindTable> build_unwind_table(const ElfView& file,
                                                           const UnwindLimits& limits = {});

/// Also from .debug_frame of `debug_file` (found by debuglink or build id), where `file` itself
/// says nothing. kInvalid when their build ids differ.
[[nodiscard]] base::Result<UnwindTable> build_unwind_table(const ElfView& file,
                                                           const ElfView& debug_file,
                                                           const UnwindLimits& limits = {});

/// The row that holds at an ELF virtual address; null where nothing is known. For tests and tools:
/// the kernel does it by itself.
[[nodiscard]] const unwind_row* find_row(const UnwindTable& table, uint64_t address);

}  // namespace hostlens::symbols
