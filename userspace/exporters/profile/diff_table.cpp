// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/diff_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>

#include "exporters/profile/function_shares.h"

namespace hostlens::exporters::profile {
namespace {

using model::Profile;

/// Sums of many small shares differ in their last bits by the order of the samples.
double rounded(double share) { return std::round(share * 1e9) / 1e9; }

}  // namespace

base::Result<std::vector<DiffRow>> diff_functions(const Profile& before, const Profile& after) {
  if (before.settings().kind != after.settings().kind) {
    return base::invalid_error("a profile of CPU time and one off CPU cannot be compared");
  }
  if (before.total_weight() == 0 || after.total_weight() == 0) {
    return base::invalid_error(before.total_weight() == 0 ? "the first profile is empty"
                                                          : "the second profile is empty");
  }
  std::vector<DiffRow> sorted;
  std::unordered_map<std::string, size_t> places;
  for (size_t which = 0; which < 2; ++which) {
    for (FunctionShare& share : function_shares(which == 0 ? before : after)) {
      const auto [place, is_new] = places.try_emplace(std::move(share.function), sorted.size());
      if (is_new) sorted.emplace_back().function = place->first;
      sorted[place->second].self[which] = rounded(share.self);
      sorted[place->second].total[which] = rounded(share.total);
    }
  }
  std::sort(sorted.begin(), sorted.end(), [](const DiffRow& a, const DiffRow& b) {
    return std::tuple(-std::abs(a.self_delta()), -std::abs(a.total_delta()),
                      std::string_view(a.function)) < std::tuple(-std::abs(b.self_delta()),
                                                                 -std::abs(b.total_delta()),
                                                                 std::string_view(b.function));
  });
  return sorted;
}

std::string diff_table(const std::vector<DiffRow>& rows, size_t most_rows) {
  constexpr const char* kColumns = "{:>8} {:>8} {:>8}  {:>8} {:>8} {:>8}  {}\n";
  std::string out = fmt::format(fmt::runtime(kColumns), "self A%", "self B%", "delta", "total A%",
                                "total B%", "delta", "function");
  for (size_t i = 0; i < std::min(most_rows, rows.size()); ++i) {
    const DiffRow& row = rows[i];
    fmt::format_to(std::back_inserter(out),
                   "{:8.2f} {:8.2f} {:+8.2f}  {:8.2f} {:8.2f} {:+8.2f}  {}\n", 100 * row.self[0],
                   100 * row.self[1], 100 * row.self_delta(), 100 * row.total[0],
                   100 * row.total[1], 100 * row.total_delta(), row.function);
  }
  if (rows.size() > most_rows) {
    fmt::format_to(std::back_inserter(out), "and {} more\n", rows.size() - most_rows);
  }
  return out;
}

}  // namespace hostlens::exporters::profile
