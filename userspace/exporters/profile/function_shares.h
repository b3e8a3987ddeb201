// SPDX-License-Identifier: Apache-2.0
// A profile by function: how much is spent in each, alone and with all that it calls.
#pragma once

#include <string>
#include <vector>

#include "model/profile.h"

namespace hostlens::exporters::profile {

struct FunctionShare {
  std::string function;  ///< as frame_text() has it
  double self = 0;       ///< of the whole weight, 0 to 1: as the leaf; off CPU below the cause
  double total = 0;      ///< anywhere in the stack, once per stack
  bool in_kernel = false;
};

/// Threads and causes are no functions. In the order in which they are met; empty for an empty
/// profile.
[[nodiscard]] std::vector<FunctionShare> function_shares(const model::Profile& profile);

/// A text table: the first `most_rows` by self, then by total; of equal ones what is called stands
/// before its caller. Kernel functions that only call others come last: off CPU they are the same
/// dozen for every wait, and would leave no row for the program's own.
[[nodiscard]] std::string function_table(const model::Profile& profile, size_t most_rows);

}  // namespace hostlens::exporters::profile
