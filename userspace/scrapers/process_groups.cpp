// SPDX-License-Identifier: Apache-2.0
#include "scrapers/process_groups.h"

#include <utility>

#include "aggregators/attribute_set.h"

namespace hostlens::scrapers {
namespace {

constexpr std::string_view kExecutable = "process.executable.name";
constexpr std::string_view kOthers = "other";

}  // namespace

void ProcessGroups::begin_round() {
  for (auto& [key, group] : groups_) {
    group->present = {};
    group->sums.begin();
  }
}

ProcessGroup& ProcessGroups::find_or_add(const std::string& key, bool may_add_always,
                                         const std::shared_ptr<const model::Service>& service,
                                         model::Attributes attributes, bool is_target) {
  const auto found = groups_.find(key);
  if (found != groups_.end()) {
    if (service != nullptr) found->second->service = service;  // described anew: the same group
    return *found->second;
  }
  if (!may_add_always && groups_.size() >= limit_) {
    if (!is_target) return of_others();
    return find_or_add("T", true, nullptr, aggregators::overflow_attributes(), true);
  }
  auto group = std::make_unique<ProcessGroup>();
  group->service = service;
  group->attributes = std::move(attributes);
  group->is_target = is_target;
  return *groups_.emplace(key, std::move(group)).first->second;
}

ProcessGroup& ProcessGroups::of_target(const std::shared_ptr<const model::Service>& service,
                                       const std::string& executable) {
  model::Attributes attributes;
  aggregators::put_text(attributes, kExecutable, executable);
  std::string key = "t" + aggregators::identity(*service, attributes);
  return find_or_add(key, false, service, std::move(attributes), true);
}

ProcessGroup& ProcessGroups::of_program(const std::string& executable) {
  if (executable == kOthers) return of_others();
  return find_or_add("p" + executable, false, nullptr,
                     aggregators::with({}, kExecutable, executable), false);
}

ProcessGroup& ProcessGroups::of_others() {
  return find_or_add("o", true, nullptr, aggregators::with({}, kExecutable, kOthers), false);
}

void ProcessGroups::end_round(uint64_t now_ns) {
  for (auto& [key, group] : groups_) {
    if (group->present.processes > 0) group->last_seen_ns = now_ns;
  }
  std::erase_if(groups_, [&](const auto& item) {
    const ProcessGroup& group = *item.second;
    return group.present.processes == 0 && now_ns - group.last_seen_ns >= idle_ns_;
  });
}

}  // namespace hostlens::scrapers
