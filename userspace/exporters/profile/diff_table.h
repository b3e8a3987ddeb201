// SPDX-License-Identifier: Apache-2.0
// Two profiles compared function by function.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {

struct DiffRow {
  /// Of a profile's whole weight, 0 to 1: before, after.
  using Shares = std::array<double, 2>;

  std::string function;  ///< as frame_text() has it
  Shares self{};         ///< as the leaf; off CPU the frame below the cause
  Shares total{};        ///< anywhere in the stack, once per stack

  [[nodiscard]] double self_delta() const { return self[1] - self[0]; }
  [[nodiscard]] double total_delta() const { return total[1] - total[0]; }
};

/// Shares, so that recordings of different length compare. The largest change of self first, then
/// of total, then by name. Threads and causes are no functions. An error when the two are not of
/// one kind, or one is empty.
[[nodiscard]] base::Result<std::vector<DiffRow>> diff_functions(const model::Profile& before,
                                                                const model::Profile& after);

/// A text table of the first `most_rows`: self and total of A, B and the change, in percent.
[[nodiscard]] std::string diff_table(const std::vector<DiffRow>& rows, size_t most_rows);

}  // namespace hostlens::exporters::profile
