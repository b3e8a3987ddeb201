// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/scrape_targets.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hostlens::agent {
namespace {

using discovery::CgroupMembership;

constexpr size_t kMaxProcesses = 4096;

struct Owned {
  std::shared_ptr<const CgroupMembership> cgroup;
  std::shared_ptr<const model::Service> service;  ///< null: of several
};

bool is_below(std::string_view path, std::string_view above) {
  if (above.size() <= 1) return false;  // the root is no cgroup of anybody
  return path.size() > above.size() && path.starts_with(above) && path[above.size()] == '/';
}

}  // namespace

ScrapeTargets scrape_targets(const discovery::ProcessTable& processes,
                             const discovery::TargetSelector* targets) {
  ScrapeTargets result;
  std::unordered_map<const CgroupMembership*, Owned> owned;
  processes.for_each_known([&](const discovery::KnownProcess& process) {
    if (targets != nullptr && !targets->is_target(process.key.pid)) return;
    if (result.processes.size() >= kMaxProcesses) return;
    const auto& service = process.described.service;
    result.processes.push_back({process.key, service, process.described.executable});
    if (process.cgroup == nullptr) return;
    const auto [place, is_new] =
        owned.try_emplace(process.cgroup.get(), Owned{process.cgroup, service});
    if (!is_new && place->second.service != service) place->second.service = nullptr;
  });
  std::vector<Owned> sorted;
  for (auto& [cgroup, owner] : owned) sorted.push_back(std::move(owner));
  // Above comes before below; always the same ones if there are too many.
  std::sort(sorted.begin(), sorted.end(), [](const Owned& left, const Owned& right) {
    return left.cgroup->path < right.cgroup->path;
  });
  std::unordered_map<const model::Service*, std::string_view> topmost;
  for (const Owned& owner : sorted) {
    if (owner.service == nullptr) continue;
    const auto [above, is_first] = topmost.try_emplace(owner.service.get(), owner.cgroup->path);
    if (!is_first && is_below(owner.cgroup->path, above->second)) continue;
    above->second = owner.cgroup->path;
    result.cgroups.push_back({owner.cgroup->text, owner.service});
  }
  return result;
}

}  // namespace hostlens::agent
