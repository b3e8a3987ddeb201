// SPDX-License-Identifier: Apache-2.0
// The table of `hostlens syscalls`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "web/system_call_rows.h"

namespace hostlens::agent {

struct SystemCallLine {
  std::string system_call;
  std::map<std::string, uint64_t> errors;  ///< how often each
  model::ExponentialHistogram duration;    ///< seconds; its count is the number of calls
};

struct SystemCallTable {
  double seconds = 0;                 ///< that were observed
  double cost_seconds = 0;            ///< of our programs
  uint64_t runs = 0;                  ///< 0: the cost is not known
  std::vector<SystemCallLine> lines;  ///< most time first
};

/// What came between two answers.
[[nodiscard]] SystemCallTable system_call_table(const web::SystemCallRows& before,
                                                const web::SystemCallRows& now);

/// Lines with line ends. Texts of strangers are made harmless for a terminal.
[[nodiscard]] std::string render(const SystemCallTable& table);

}  // namespace hostlens::agent
