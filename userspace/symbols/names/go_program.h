// SPDX-License-Identifier: Apache-2.0
// Finds the line table of Go in an ELF file, and where its code begins.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "symbols/elf/elf_view.h"
#include "symbols/names/go_line_table.h"

namespace hostlens::symbols {

struct GoProgramLimits {
  uint64_t table_bytes = 64U << 20;       ///< a quarter of a program; kubelet's has 30 MiB
  uint64_t relocation_bytes = 64U << 20;  ///< read in pieces, of position-independent programs
};

/// kNotFound: no Go program; kBusy: over a limit; else the errors of GoLineTable::parse.
[[nodiscard]] base::Result<GoLineTable> open_go_program(const ElfView& elf,
                                                        const GoProgramLimits& limits = {});

}  // namespace hostlens::symbols
