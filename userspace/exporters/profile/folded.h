// SPDX-License-Identifier: Apache-2.0
// Folded stacks: a line per stack, "thread;root;...;leaf weight". The weight is a whole number of
// samples, or of microseconds off CPU, whose sum is that of the profile (to the microsecond). A
// stack off CPU ends in its cause; with a waker it goes on: model/waker.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {

/// Sorted lines, each stack once, whatever else tells its entries apart.
[[nodiscard]] std::string write_folded(const model::Profile& profile);

/// Two weights per line, of `before` and `after`, as flamegraph.pl's differential mode reads them.
[[nodiscard]] std::string write_folded_diff(const model::Profile& before,
                                            const model::Profile& after);

/// The first frame of a line is a thread's name. Off CPU when the leaf of a line, or what stands
/// before a waker, is one of our causes, such as "[disk]"; else the weights are taken for samples
/// at an unknown rate. Lines without a weight of their own are refused. `max_bytes` bounds the
/// profile, not the text.
[[nodiscard]] base::Result<model::Profile> read_folded(std::string_view text,
                                                       size_t max_bytes = 256U << 20U);

}  // namespace hostlens::exporters::profile
