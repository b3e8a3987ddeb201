// SPDX-License-Identifier: Apache-2.0
// Figures as people write them in evidence.
#pragma once

#include <string>

namespace hostlens::health {

[[nodiscard]] std::string percent(double share);     ///< "4.2%"
[[nodiscard]] std::string duration(double seconds);  ///< "340 us", "1.5 s", "26 h"
[[nodiscard]] std::string bytes(double bytes);       ///< "3.4 GiB"
[[nodiscard]] std::string whole(double number);      ///< "17"

}  // namespace hostlens::health
