// SPDX-License-Identifier: Apache-2.0
// What every export says about its producer.
#pragma once

#include <string_view>

namespace hostlens::exporters {

inline constexpr std::string_view kScopeName = "hostlens";
/// Version of this build, e.g. "0.1.0".
[[nodiscard]] std::string_view agent_version();

}  // namespace hostlens::exporters
