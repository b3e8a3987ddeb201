// SPDX-License-Identifier: Apache-2.0
// The file format of https://www.speedscope.app: one profile of type "sampled", weights in
// nanoseconds (without a unit when the rate is unknown), the thread's name as root.
#pragma once

#include <string>
#include <string_view>

#include "model/profile.h"

namespace hostlens::exporters::profile {

/// `name`: the title that is shown.
[[nodiscard]] std::string write_speedscope(const model::Profile& profile, std::string_view name);
/// Both in one file, as two profiles of one list of frames: speedscope has no difference.
[[nodiscard]] std::string write_speedscope_diff(const model::Profile& before,
                                                const model::Profile& after);

}  // namespace hostlens::exporters::profile
