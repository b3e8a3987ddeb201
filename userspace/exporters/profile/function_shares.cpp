// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/function_shares.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "exporters/profile/frame_text.h"

namespace hostlens::exporters::profile {

using model::Profile;

std::vector<FunctionShare> function_shares(const Profile& profile) {
  std::vector<FunctionShare> shares;
  if (profile.total_weight() == 0) return shares;
  const PathTexts texts(profile);
  const auto whole = static_cast<double>(profile.total_weight());
  std::unordered_map<std::string_view, size_t> places;  // the texts live as long as `texts`
  std::unordered_set<std::string_view> seen;
  std::vector<PathStep> path;
  for (const Profile::Entry& entry : profile.entries()) {
    texts.path_of(entry, path);
    const double share = static_cast<double>(entry.weight) / whole;
    seen.clear();
    bool is_leaf = true;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      if (step->frame == nullptr || step->of_waker) continue;
      const auto [place, is_new] = places.try_emplace(step->text, shares.size());
      if (is_new) {
        const bool in_kernel = step->frame->kind == model::Frame::Kind::kKernel;
        shares.push_back({std::string(step->text), 0, 0, in_kernel});
      }
      FunctionShare& row = shares[place->second];
      if (is_leaf) row.self += share;
      if (seen.insert(step->text).second) row.total += share;
      is_leaf = false;
    }
  }
  return shares;
}

std::string function_table(const Profile& profile, size_t most_rows) {
  std::vector<FunctionShare> shares = function_shares(profile);
  const size_t shown = std::min(most_rows, shares.size());
  std::stable_sort(shares.begin(), shares.end(),
                   [](const FunctionShare& a, const FunctionShare& b) {
                     return std::tuple(-a.self, a.in_kernel, -a.total) <
                            std::tuple(-b.self, b.in_kernel, -b.total);
                   });
  std::string out = "   self%   total%  function\n";
  for (size_t i = 0; i < shown; ++i) {
    fmt::format_to(std::back_inserter(out), "{:8.2f} {:8.2f}  {}\n", 100 * shares[i].self,
                   100 * shares[i].total, shares[i].function);
  }
  if (shares.size() > shown) {
    fmt::format_to(std::back_inserter(out), "and {} more\n", shares.size() - shown);
  }
  return out;
}

}  // namespace hostlens::exporters::profile
