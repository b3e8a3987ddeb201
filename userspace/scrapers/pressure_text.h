// SPDX-License-Identifier: Apache-2.0
// Pressure stall information, of the host and of cgroups (kernel documentation, accounting/psi).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hostlens::scrapers {

inline constexpr std::array<std::string_view, 4> kPressureResources = {"cpu", "memory", "io",
                                                                       "irq"};

struct Pressure {
  double ratio_10s = 0;  ///< share of the last 10 seconds, 0 to 1
  uint64_t total_us = 0;
};

/// Some: at least one task waited; full: all that were not idle did. Absent lines are absent (irq
/// has no "some", cpu had no "full" before Linux 5.13).
struct PressureText {
  std::optional<Pressure> some, full;
};
[[nodiscard]] PressureText parse_pressure(std::string_view text);

}  // namespace hostlens::scrapers
