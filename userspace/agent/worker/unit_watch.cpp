// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/unit_watch.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "discovery/cgroup_identity.h"

namespace hostlens::agent {
namespace {

using discovery::CgroupIdentity;
using discovery::CgroupMembership;
using discovery::UnitReading;

bool is_of_system_manager(const CgroupIdentity& cgroup) {
  return !cgroup.unit.empty() && cgroup.container_id.empty() && cgroup.container_name.empty() &&
         cgroup.path.find("/user@") == std::string::npos;
}

}  // namespace

std::vector<UnitOwner> unit_owners(discovery::ProcessTable& processes,
                                   const discovery::TargetSelector* targets,
                                   const UnitReading* last) {
  std::unordered_map<const CgroupMembership*, std::shared_ptr<const model::Service>> in_cgroup;
  processes.for_each_known([&](const discovery::KnownProcess& process) {
    if (targets != nullptr && !targets->is_target(process.key.pid)) return;
    if (process.cgroup == nullptr) return;
    const auto& service = process.described.service;
    const auto [place, is_new] = in_cgroup.try_emplace(process.cgroup.get(), service);
    if (!is_new && place->second != service) place->second = nullptr;
  });
  std::map<std::string, std::shared_ptr<const model::Service>> by_unit;
  for (const auto& [membership, service] : in_cgroup) {
    CgroupIdentity cgroup = discovery::identify_cgroup(membership->text);
    if (!is_of_system_manager(cgroup)) continue;
    const auto [place, is_new] = by_unit.try_emplace(cgroup.unit, service);
    if (!is_new && place->second != service) place->second = nullptr;
  }
  if (last != nullptr) {
    for (const model::UnitState& unit : last->units) {
      if (unit.name.ends_with(".service")) by_unit.try_emplace(unit.name);
    }
  }
  std::vector<UnitOwner> owners;
  for (auto& [unit, service] : by_unit) {
    if (service == nullptr) {  // of several services, or without a process: the unit's own
      CgroupIdentity cgroup;
      cgroup.unit = unit;
      service = processes.service_of_cgroup(cgroup);
    }
    owners.push_back({unit, std::move(service)});
  }
  return owners;
}

UnitWatch::UnitWatch(discovery::UnitReaderSettings settings)
    : reader_(std::move(settings)), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "units");
}

UnitWatch::~UnitWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void UnitWatch::begin(std::vector<UnitOwner> owners) {
  {
    const std::lock_guard lock(mutex_);
    if (reading_ || wanted_) return;
    wanted_ = std::move(owners);
  }
  changed_.notify_all();
}

std::shared_ptr<const UnitReading> UnitWatch::reading(std::chrono::milliseconds longest) noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [this] { return !reading_ && !wanted_; });
  return last_;
}

std::shared_ptr<const UnitReading> UnitWatch::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::shared_ptr<const UnitReading> UnitWatch::read(std::vector<UnitOwner> owners) {
  std::vector<std::string> wanted;
  for (const UnitOwner& owner : owners) wanted.push_back(owner.unit);
  auto reading = std::make_shared<UnitReading>(reader_.read(wanted));
  for (model::UnitState& unit : reading->units) {
    const auto owner = std::find_if(owners.begin(), owners.end(),
                                    [&](const UnitOwner& any) { return any.unit == unit.name; });
    if (owner != owners.end()) unit.service = owner->service;
  }
  return reading;
}

void UnitWatch::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || wanted_; });
    if (ends_) return;
    std::vector<UnitOwner> owners = *std::exchange(wanted_, std::nullopt);
    reading_ = true;
    lock.unlock();
    auto reading = read(std::move(owners));
    lock.lock();
    last_.swap(reading);
    reading_ = false;
    changed_.notify_all();
    lock.unlock();
    reading.reset();  // may be the last owner: not with the lock
    lock.lock();
  }
}

}  // namespace hostlens::agent
