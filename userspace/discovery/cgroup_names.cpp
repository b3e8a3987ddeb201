// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "discovery/cgroup_tree.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

/// Container hosts have thousands of mounts; the one of cgroup2 is among the first.
constexpr size_t kMaxMountinfoBytes = 1 << 20;

std::string unified_mount(const std::string& root) {
  const base::UniqueFd file(::open((root + "/proc/self/mountinfo").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  const auto point = find_unified_mount(read_bounded(file.get(), kMaxMountinfoBytes));
  return point ? root + *point : std::string();
}

/// A session holds whatever its user started: that one service is known of it tells nothing of the
/// rest. So does a service manager's own cgroup.
bool is_of_one_owner(const CgroupIdentity& cgroup) {
  const bool named =
      !cgroup.unit.empty() || !cgroup.container_id.empty() || !cgroup.container_name.empty();
  return named || !cgroup.path.ends_with(".scope");
}

}  // namespace

CgroupNames::CgroupNames(CgroupNamesSettings settings, ProcessTable& processes)
    : settings_(std::move(settings)), processes_(processes) {}

std::shared_ptr<const model::Service> CgroupNames::service_of(uint64_t cgroup_id) {
  const auto found = names_.find(cgroup_id);
  if (found != names_.end()) {
    found->second.asked_ns = now_ns_;
    return found->second.chosen;
  }
  if (missing_.size() < settings_.max_names) {
    missing_.insert(cgroup_id);
  } else if (!missing_.contains(cgroup_id)) {
    ++over_limit_;
  }
  return nullptr;
}

void CgroupNames::refresh(uint64_t now_ns) {
  now_ns_ = now_ns;
  std::erase_if(names_, [&](const auto& item) {
    return item.second.gone_ns != 0 && now_ns > item.second.gone_ns + settings_.tombstone_ns;
  });
  if (!missing_.empty()) walk();
  choose_services();
}

const std::string& CgroupNames::mount_point() {
  if (mount_point_.empty()) mount_point_ = unified_mount(settings_.root);
  return mount_point_;
}

uint64_t CgroupNames::number_of(std::string_view path) {
  struct stat status {};
  if (mount_point().empty() || !path.starts_with('/')) return 0;
  return ::stat((mount_point_ + std::string(path)).c_str(), &status) == 0 ? status.st_ino : 0;
}

void CgroupNames::walk() {
  ++walks_;
  std::vector<std::pair<uint64_t, CgroupIdentity>> found;
  CgroupWalk walked;
  if (!mount_point().empty()) {
    walked =
        walk_cgroups(mount_point_, settings_.max_walked, [&](uint64_t id, std::string_view path) {
          if (const auto known = names_.find(id); known != names_.end()) {
            known->second.seen_in = walks_;
          } else if (missing_.erase(id) != 0) {
            found.emplace_back(id, identify_cgroup("0::" + std::string(path)));
          }
        });
  }
  for (auto& [id, name] : names_) {
    if (walked.complete && name.seen_in != walks_ && name.gone_ns == 0) name.gone_ns = now_ns_;
  }
  make_room(found.size() + missing_.size());
  for (auto& [id, cgroup] : found) {
    if (Name* const name = add(id)) name->cgroup = std::move(cgroup);
  }
  // What is left has no directory: not looked for again at once.
  for (const uint64_t id : std::exchange(missing_, {})) {
    ++unseen_;
    if (Name* const name = add(id)) name->gone_ns = now_ns_;
  }
}

CgroupNames::Name* CgroupNames::add(uint64_t id) {
  if (names_.size() >= settings_.max_names) {
    ++over_limit_;
    return nullptr;
  }
  Name& name = names_[id];
  name.asked_ns = now_ns_;
  return &name;
}

/// Who is gone leaves first, then who was not asked for in a while.
void CgroupNames::make_room(size_t wanted) {
  const auto fits = [&] { return names_.size() + wanted <= settings_.max_names; };
  if (!fits()) std::erase_if(names_, [](const auto& item) { return item.second.gone_ns != 0; });
  if (fits()) return;
  std::erase_if(names_, [&](const auto& item) {
    return now_ns_ > item.second.asked_ns + settings_.tombstone_ns;
  });
}

void CgroupNames::choose_services() {
  if (names_.empty()) return;
  std::unordered_map<const CgroupMembership*, std::shared_ptr<const model::Service>> found;
  processes_.for_each_known([&](const KnownProcess& process) {
    if (process.cgroup == nullptr) return;
    const auto& service = process.described.service;
    const auto [place, is_new] = found.try_emplace(process.cgroup.get(), service);
    if (!is_new && place->second != service) place->second = nullptr;
  });
  std::unordered_map<std::string_view, std::shared_ptr<const model::Service>> by_path;
  for (auto& [cgroup, service] : found) {
    const auto [place, is_new] = by_path.try_emplace(unified_path(cgroup->text), service);
    if (!is_new && place->second != service) place->second = nullptr;
  }
  const bool renamed = std::exchange(named_by_, processes_.rules_generation()) != named_by_;
  for (auto& [id, name] : names_) {
    if (name.cgroup.path.size() <= 1) continue;
    if (renamed || name.own == nullptr) name.own = processes_.service_of_cgroup(name.cgroup);
    const auto known = by_path.find(name.cgroup.path);
    if (known != by_path.end() && known->second != nullptr && is_of_one_owner(name.cgroup)) {
      name.chosen = known->second;
    } else if (name.gone_ns == 0 || name.chosen == nullptr) {
      name.chosen = name.own;
    }
  }
}

}  // namespace hostlens::discovery
