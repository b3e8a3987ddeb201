// SPDX-License-Identifier: Apache-2.0
#include "health/words.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <cmath>
#include <string_view>

namespace hostlens::health {

std::string percent(double share) {
  const double value = share * 100;
  return value < 10 ? fmt::format("{:.1f}%", value) : fmt::format("{:.0f}%", value);
}

std::string duration(double seconds) {
  struct Unit {
    double from;
    double unit;
    std::string_view name;
  };
  constexpr std::array<Unit, 6> kUnits = {{{2 * 86400.0, 86400, "d"},
                                           {2 * 3600.0, 3600, "h"},
                                           {120, 60, "min"},
                                           {1, 1, "s"},
                                           {1e-3, 1e-3, "ms"},
                                           {0, 1e-6, "us"}}};
  for (const Unit& unit : kUnits) {
    if (std::abs(seconds) >= unit.from)
      return fmt::format("{:.3g} {}", seconds / unit.unit, unit.name);
  }
  return "0 s";
}

std::string bytes(double bytes) {
  constexpr std::array<std::string_view, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t name = 0;
  while (bytes >= 1024 && name + 1 < kNames.size()) {
    bytes /= 1024;
    ++name;
  }
  return fmt::format("{:.4g} {}", bytes, kNames[name]);
}

std::string whole(double number) { return fmt::format("{:.0f}", number); }

}  // namespace hostlens::health
