// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/scrape_targets.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "discovery/cgroup_identity.h"
#include "discovery/host_resource.h"

namespace hostlens::agent {
namespace {

using discovery::CgroupMembership;

constexpr size_t kMaxProcesses = 4096;
constexpr size_t kMaxRuntimes = 512;

struct Owned {
  std::shared_ptr<const CgroupMembership> cgroup;
  std::shared_ptr<const model::Service> service;  ///< null: of several
};

bool is_below(std::string_view path, std::string_view above) {
  if (above.size() <= 1) return false;  // the root is no cgroup of anybody
  return path.size() > above.size() && path.starts_with(above) && path[above.size()] == '/';
}

/// What is below a cgroup follows it at once: "/a", "/a/b", "/a-c".
bool is_before(std::string_view left, std::string_view right) {
  const auto rank = [](char letter) {
    return letter == '/' ? 0 : static_cast<unsigned char>(letter);
  };
  return std::lexicographical_compare(
      left.begin(), left.end(), right.begin(), right.end(),
      [&](char one, char other) { return rank(one) < rank(other); });
}

using RuntimeKey =
    std::tuple<const model::Service*, std::string_view, std::string_view, std::string_view>;
using RuntimeUses = std::map<RuntimeKey, scrapers::RuntimeUse>;

void count_runtime(const model::Process& process, RuntimeUses& uses) {
  const std::string_view name = discovery::text_of(process.resource, "process.runtime.name");
  if (name.empty()) return;
  const std::string_view version = discovery::text_of(process.resource, "process.runtime.version");
  const RuntimeKey key{process.service.get(), process.executable, name, version};
  const auto found = uses.find(key);
  if (found != uses.end()) {
    ++found->second.processes;
  } else if (uses.size() < kMaxRuntimes) {
    uses.emplace(key, scrapers::RuntimeUse{process.service, process.executable, std::string(name),
                                           std::string(version), 1});
  }
}

/// A session's scope holds whatever its user started: it tells nothing of a service.
bool is_of_services(const CgroupMembership& cgroup) {
  const discovery::CgroupIdentity identity = discovery::identify_cgroup(cgroup.text);
  return !identity.unit.empty() || !identity.container_id.empty() ||
         !identity.container_name.empty();
}

}  // namespace

ScrapeTargets scrape_targets(const discovery::ProcessTable& processes,
                             const discovery::TargetSelector* targets) {
  ScrapeTargets result;
  std::unordered_map<const CgroupMembership*, Owned> owned;
  RuntimeUses runtimes;
  processes.for_each_known([&](const discovery::KnownProcess& process) {
    if (targets != nullptr && !targets->is_target(process.key.pid)) return;
    if (result.processes.size() >= kMaxProcesses) return;
    const auto& service = process.described.service;
    result.processes.push_back({process.key, service, process.described.executable});
    count_runtime(process.described, runtimes);
    if (process.cgroup == nullptr) return;
    const auto [place, is_new] =
        owned.try_emplace(process.cgroup.get(), Owned{process.cgroup, service});
    if (!is_new && place->second.service != service) place->second.service = nullptr;
  });
  for (auto& [key, use] : runtimes) result.runtimes.push_back(std::move(use));
  std::vector<Owned> sorted;
  for (auto& [cgroup, owner] : owned) sorted.push_back(std::move(owner));
  // Above comes before below; always the same ones if there are too many.
  std::sort(sorted.begin(), sorted.end(), [](const Owned& left, const Owned& right) {
    return is_before(left.cgroup->path, right.cgroup->path);
  });
  std::unordered_map<const model::Service*, std::string_view> topmost;
  for (const Owned& owner : sorted) {
    if (owner.service == nullptr || !is_of_services(*owner.cgroup)) continue;
    const auto [above, is_first] = topmost.try_emplace(owner.service.get(), owner.cgroup->path);
    if (!is_first && is_below(owner.cgroup->path, above->second)) continue;
    above->second = owner.cgroup->path;
    result.cgroups.push_back({owner.cgroup->text, owner.service});
  }
  return result;
}

}  // namespace hostlens::agent
