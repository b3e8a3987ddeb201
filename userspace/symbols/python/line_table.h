// SPDX-License-Identifier: Apache-2.0
// Which line of its file an instruction of a Python function is from.
#pragma once

#include <cstdint>

#include "base/byte_reader.h"
#include "records/python.h"

namespace hostlens::symbols {

/// `table` is co_lnotab (3.9) or co_linetable, `offset` that of the instruction in bytes. Formats:
/// Objects/lnotab_notes.txt of 3.9 and of 3.10 (PEP 626), Objects/locations.md of 3.11 on. 0: the
/// instruction has no line, or the table is broken before it. Before the first one: `first_line`.
[[nodiscard]] uint32_t python_line(python_version version, base::Bytes table, uint32_t first_line,
                                   int32_t offset);

}  // namespace hostlens::symbols
