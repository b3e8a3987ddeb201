// SPDX-License-Identifier: Apache-2.0
// Rules in words that a row and libdw's answer have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "records/unwind.h"

namespace hostlens::tests {

/// One DWARF operation: atom is a DW_OP_*.
struct Operation {
  uint8_t atom = 0;
  int64_t first = 0;
  int64_t second = 0;
};

/// "breg7(8) deref plus(8)": names without prefix, registers in numbers.
std::string operation_words(const std::vector<Operation>& operations);

/// The caller's rbp.
std::string rbp_words(const unwind_row& row);
std::string row_text(const unwind_row& row);

enum class Verdict { kSame, kRegisterLost, kDifferent };

/// What libdw says.
struct RuleWords {
  std::string cfa;
  std::string return_address;
  std::string rsp;
  std::string rbp;
  std::string rbx;
  bool signal_frame = false;

  [[nodiscard]] std::string text() const;
  /// `row` is not invalid.
  [[nodiscard]] Verdict judge(const unwind_row& row) const;
};

}  // namespace hostlens::tests
