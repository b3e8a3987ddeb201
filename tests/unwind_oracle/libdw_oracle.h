// SPDX-License-Identifier: Apache-2.0
// Compares an unwind table with what libdw says of the same file, at every address where either of
// both changes its mind. Both are turned into the same words, libdw's from its DWARF operations,
// ours from the rows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "symbols/unwind/unwind_table.h"

namespace hostlens::tests {

/// What is known of the file better than by libdw.
struct OracleExemptions {
  bool rbp = false;                              ///< ours counts where libdw has no rule for it
  std::function<bool(uint64_t address)> rows{};  ///< not to be compared
};

struct OracleReport {
  std::string error;       ///< why nothing could be compared
  uint64_t intervals = 0;  ///< of libdw: ranges in which its rules do not change
  uint64_t compared = 0;   ///< pairs of such a range and one of our rows
  uint64_t bytes = 0;      ///< of code in these ranges
  uint64_t exempted = 0;   ///< of these pairs
  uint64_t mismatches = 0;
  std::vector<std::string> first_mismatches{};
  uint64_t invalid = 0;  ///< ranges whose rules a row cannot say, though libdw knows them
  std::map<std::string, uint64_t> invalid_rules{};  ///< libdw's words for them
  uint64_t lost_registers = 0;  ///< ranges in which only rbp or rbx could not be said
};

/// Opens the file with libdw.
OracleReport compare_with_libdw(const std::string& path, const symbols::UnwindTable& table,
                                const std::vector<symbols::ElfSegment>& code,
                                const OracleExemptions& exemptions = {});
/// The same of an image in memory.
OracleReport compare_with_libdw(std::vector<char> image, const symbols::UnwindTable& table,
                                const std::vector<symbols::ElfSegment>& code);

}  // namespace hostlens::tests
