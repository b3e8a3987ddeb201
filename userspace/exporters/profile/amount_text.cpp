// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/amount_text.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace hostlens::exporters::profile {
namespace {

std::string duration(double ns) {
  constexpr std::array<std::pair<double, const char*>, 3> kUnits{
      {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}}};
  for (const auto& [size, unit] : kUnits) {
    if (ns >= size) return fmt::format("{:.2f} {}", ns / size, unit);
  }
  return fmt::format("{:.0f} ns", ns);
}

}  // namespace

std::string amount_text(const StackTree& tree, uint64_t weight) {
  const auto number = static_cast<double>(weight);
  if (tree.kind == model::ProfileKind::kOffCpu) return duration(number);
  const std::string samples = fmt::format("{} sample{}", weight, weight == 1 ? "" : "s");
  return tree.hz == 0 ? samples : samples + ", " + duration(number * 1e9 / tree.hz);
}

}  // namespace hostlens::exporters::profile
