// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hostlens::agent {

/// The project's version, from CMakeLists.txt.
inline constexpr std::string_view kVersion = HOSTLENS_VERSION;

}  // namespace hostlens::agent
