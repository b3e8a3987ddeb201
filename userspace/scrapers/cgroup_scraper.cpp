// SPDX-License-Identifier: Apache-2.0
#include "scrapers/cgroup_scraper.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "aggregators/attribute_set.h"
#include "scrapers/directory.h"

namespace hostlens::scrapers {
namespace {

constexpr size_t kMaxMountinfoBytes = 4 * 1024 * 1024;
/// Hierarchies and limits change seldom: read again every so many scrapes.
constexpr uint64_t kHierarchiesEvery = 32;
constexpr uint64_t kLimitsEvery = 8;
constexpr size_t kMaxDevices = 1024;

bool has_any(const CgroupDirectories& directories) {
  return std::any_of(directories.begin(), directories.end(),
                     [](const CgroupDirectory& is) { return !is.path.empty(); });
}

bool exists(const CgroupDirectories& directories) {
  struct stat place {};
  return std::any_of(directories.begin(), directories.end(), [&](const CgroupDirectory& is) {
    return !is.path.empty() && ::stat(is.path.c_str(), &place) == 0;
  });
}

std::string key_of(const CgroupDirectories& directories) {
  std::string key;
  for (const CgroupDirectory& directory : directories) key.append(directory.path).append("\n");
  return key;
}

}  // namespace

void CgroupScraper::refresh_hierarchies(Scrape& run) {
  if (hierarchies_age_++ % kHierarchiesEvery != 0) return;
  const auto text = run.proc("self/mountinfo", Presence::kRequired, kMaxMountinfoBytes);
  if (!text) return;
  size_t garbage = 0;
  hierarchies_ = CgroupHierarchies(parse_mountinfo(*text, garbage));
  if (garbage > 0) run.error(Reason::kGarbage);
  stacked_.clear();
}

bool CgroupScraper::is_stacked(Scrape& run, std::string_view device) {
  const auto found = stacked_.find(device);
  if (found != stacked_.end()) return found->second;
  const bool is_number = device.find_first_not_of("0123456789:") == std::string_view::npos;
  bool stacked = false;
  if (is_number) {
    for_each_entry(run.roots().sys + "/dev/block/" + std::string(device) + "/slaves", 1,
                   [&](std::string_view) { stacked = true; });
  }
  if (stacked_.size() < kMaxDevices) stacked_.emplace(device, stacked);
  return stacked;
}

void CgroupScraper::take(Scrape& run, const CgroupTarget& target,
                         const CgroupDirectories& directories, Member& member) {
  if (member.limits_age++ % kLimitsEvery == 0) {
    member.limits = read_cgroup_limits(run, directories);
  }
  CgroupUse use{target.service,
                read_cgroup(run, directories,
                            [&](std::string_view device) { return is_stacked(run, device); }),
                member.limits};
  auto& group = groups_[aggregators::identity(*target.service, {})];
  if (group == nullptr) {
    group = std::make_unique<CgroupGroup>();
    // What it counted before it was first seen is told as well.
    group->start_unix_ns = run.time().boot_unix_ns;
  }
  group->service = target.service;
  group->sums.grow(member.last, use.reading.counters);
  CgroupGroup::Present& present = group->present;
  ++present.cgroups;
  present.memory.add(use.reading.memory_bytes);
  present.inactive_file.add(use.reading.memory_inactive_file);
  present.anonymous.add(use.reading.memory_anonymous);
  present.memory_limit.add(use.limits.memory_bytes);
  present.processes.add(use.reading.processes);
  present.processes_limit.add(use.limits.processes);
  present.cpus_limit += use.limits.cpus.value_or(0);
  present.all_have_cpus_limit = present.all_have_cpus_limit && use.limits.cpus;
  uses_.push_back(std::move(use));
}

void CgroupScraper::end_round(uint64_t now_ns) {
  for (auto& [key, group] : groups_) {
    if (group->present.cgroups > 0) group->last_seen_ns = now_ns;
    const auto user = group->sums[static_cast<size_t>(CgroupCounter::kUserNs)];
    const auto system = group->sums[static_cast<size_t>(CgroupCounter::kSystemNs)];
    const auto cpu_ns = user && system ? std::optional<uint64_t>(*user + *system) : std::nullopt;
    group->cpus_in_use.reset();
    if (cpu_ns && group->last_cpu_ns && now_ns > group->last_cpu_at_ns) {
      group->cpus_in_use = static_cast<double>(*cpu_ns - *group->last_cpu_ns) /
                           static_cast<double>(now_ns - group->last_cpu_at_ns);
    }
    group->last_cpu_ns = cpu_ns;
    group->last_cpu_at_ns = now_ns;
  }
  std::erase_if(members_, [this](const auto& item) { return item.second.round != round_; });
  std::erase_if(groups_, [&](const auto& item) {
    const CgroupGroup& group = *item.second;
    return group.present.cgroups == 0 && now_ns - group.last_seen_ns >= idle_ns_;
  });
}

void CgroupScraper::scrape(Scrape& run) noexcept {
  uses_.clear();
  ++round_;
  for (auto& [key, group] : groups_) {
    group->present = {};
    group->sums.begin();
  }
  if (!targets_.empty()) refresh_hierarchies(run);
  size_t taken = 0;
  for (const CgroupTarget& target : targets_) {
    if (target.service == nullptr) continue;
    const CgroupDirectories directories = hierarchies_.find(target.membership, run.roots().files);
    if (!has_any(directories)) continue;  // in the root: that is the host
    const std::string key = key_of(directories);
    const auto known = members_.find(key);
    if (known != members_.end() && known->second.round == round_) continue;  // given twice
    if (!exists(directories)) {
      run.error(Reason::kVanished);
      continue;
    }
    if (taken++ == limit_) {
      run.error(Reason::kTooMany);
      break;
    }
    Member& member = members_[key];
    member.round = round_;
    take(run, target, directories, member);
  }
  end_round(run.time().now_ns);
  add_cgroup_families(run, groups_);
}

}  // namespace hostlens::scrapers
