// SPDX-License-Identifier: Apache-2.0
#include "health/memory.h"

#include <algorithm>
#include <set>

#include "health/oom_text.h"
#include "health/reading.h"

namespace hostlens::health {
namespace {

/// A process that lived so long is one of a service and not of a command.
constexpr uint64_t kServiceAgeNs = 10'000'000'000;
/// A service that was never more than passing by.
constexpr uint64_t kIdleNs = 300'000'000'000;

std::string key_of(const model::Service& service) {
  std::string key = service.ns;
  key += '\0';
  return key += service.name;
}

std::string_view unit_of(const model::Service& service) {
  for (const model::Attribute& attribute : service.resource) {
    if (attribute.key != "hostlens.systemd.unit") continue;
    if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
  }
  return {};
}

struct Seen {
  uint64_t alive = 0;
  uint64_t oldest_start = UINT64_MAX;
  uint64_t newest_start = 0;
  double threads = 0;
  OpenFiles files;
  bool files_told = false;
  std::optional<double> threads_limit;
};

void take(const ServiceProcess& process, uint64_t now_ns, Seen& seen) {
  if (process.zombie) return;
  ++seen.alive;
  seen.oldest_start = std::min(seen.oldest_start, process.key.start_ticks);
  seen.newest_start = std::max(seen.newest_start, process.key.start_ticks);
  seen.threads += static_cast<double>(process.threads);
  if (process.user_threads_limit && *process.user_threads_limit != UINT64_MAX) {
    const auto limit = static_cast<double>(*process.user_threads_limit);
    seen.threads_limit = std::min(seen.threads_limit.value_or(limit), limit);
  }
  if (!process.open_files || !process.open_files_limit || *process.open_files_limit == 0) return;
  const auto open = static_cast<double>(*process.open_files);
  const bool limited = *process.open_files_limit != UINT64_MAX;
  const double share = limited ? open / static_cast<double>(*process.open_files_limit) : 0;
  if (seen.files_told && share <= seen.files.share.value) return;
  seen.files_told = true;
  seen.files.share.set(share, now_ns);
  seen.files.open = *process.open_files;
  seen.files.limit = *process.open_files_limit;
  seen.files.pid = process.key.pid;
}

void take(const Seen& seen, uint64_t now_ns, ServiceRecord& record) {
  Presence& presence = record.presence;
  if (seen.alive == 0) {
    presence.alive = 0;
    return;
  }
  record.active_ns = now_ns;
  if (presence.first_ns == 0) presence.first_ns = now_ns;
  // All that is there began after all that was there.
  const bool anew = presence.newest_start != 0 && seen.oldest_start > presence.newest_start;
  record.restarts.add({1, anew && presence.is_service ? 1.0 : 0.0}, now_ns);
  if (anew) presence.first_ns = now_ns;
  if (now_ns - presence.first_ns >= kServiceAgeNs) presence.is_service = true;
  presence.alive = seen.alive;
  presence.alive_ns = now_ns;
  presence.newest_start = std::max(presence.newest_start, seen.newest_start);
  if (seen.files_told) record.open_files = seen.files;
  if (seen.threads_limit && *seen.threads_limit > 0) {
    record.user_threads_share.set(seen.threads / *seen.threads_limit, now_ns);
  }
}

}  // namespace

Memory::Memory(const HealthSettings& settings, const HealthBounds& bounds)
    : settings_(settings),
      bounds_(bounds),
      host_(settings),
      live_(bounds.series),
      scraped_(bounds.series),
      kernel_(bounds.series) {}

ServiceRecord* Memory::record_of(const std::shared_ptr<const model::Service>& service) {
  if (service.get() == last_service_) return last_record_;
  last_service_ = service.get();
  return last_record_ = find_or_add(service);
}

ServiceRecord* Memory::find_or_add(const std::shared_ptr<const model::Service>& service) {
  std::string key = key_of(*service);
  auto found = services_.find(key);
  if (found == services_.end()) {
    if (services_.size() >= bounds_.services) {
      full_ = true;
      return nullptr;
    }
    found = services_.try_emplace(std::move(key), service, settings_).first;
    found->second.active_ns = now_ns_;
    if (unit_of(*service).ends_with(".service")) found->second.presence.is_service = true;
  }
  found->second.service = service;  // may be described anew
  return &found->second;
}

ServiceRecord* Memory::known_record_of(const model::Service& service) {
  const auto found = services_.find(key_of(service));
  return found == services_.end() ? nullptr : &found->second;
}

Dependency* Memory::dependency_of(ServiceRecord& record, std::string_view name) {
  auto found = record.dependencies.find(name);
  if (found == record.dependencies.end()) {
    if (record.dependencies.size() >= bounds_.dependencies) return nullptr;
    found = record.dependencies.try_emplace(std::string(name), settings_.window_ns).first;
    found->second.active_ns = now_ns_;
  }
  return &found->second;
}

void Memory::read_family(const model::MetricFamily& family, SeriesFollower& follower) {
  if (const FamilyReader reader = reader_of(family.name)) reader({*this, follower, family});
}

void Memory::read_once(const Families& reading, Families& last, SeriesFollower& follower) {
  if (reading == nullptr || reading == last) return;
  last = reading;
  follower.begin_round(now_unix_ns_);
  for (const model::MetricFamily& family : *reading) read_family(family, follower);
  follower.end_round();
}

void Memory::observe(const model::MetricSnapshot& snapshot, const HealthInputs& inputs) {
  now_ns_ = snapshot.monotonic_ns;
  now_unix_ns_ = snapshot.unix_ns;
  last_service_ = nullptr;  // its address may be another one's by now
  full_ = false;
  live_.begin_round(snapshot.unix_ns);
  for (const model::MetricFamily& family : snapshot.families) read_family(family, live_);
  live_.end_round();
  read_once(snapshot.scraped, last_scraped_, scraped_);
  read_once(snapshot.kernel_signals, last_kernel_, kernel_);
  read_units(inputs);
  read_processes(inputs);
  read_listeners(inputs);
  read_oom_kills(inputs);
  host_.checks = inputs.checks;
  if (host_.checks.size() > bounds_.subjects) host_.checks.resize(bounds_.subjects);
  forget();
}

void Memory::read_processes(const HealthInputs& inputs) {
  if (inputs.processes == nullptr || inputs.processes == last_processes_) return;
  last_processes_ = inputs.processes;
  host_.processes_ns = now_ns_;
  std::map<ServiceRecord*, Seen> seen;
  for (const ServiceProcess& process : *inputs.processes) {
    if (process.service == nullptr) continue;
    if (ServiceRecord* const record = record_of(process.service)) {
      take(process, now_ns_, seen[record]);
    }
  }
  for (auto& [key, record] : services_) take(seen[&record], now_ns_, record);
}

void Memory::read_units(const HealthInputs& inputs) {
  if (inputs.units == nullptr || inputs.units == last_units_) return;
  last_units_ = inputs.units;
  host_.units = inputs.units;
  std::map<std::string_view, ServiceRecord*> owners;
  for (auto& [key, record] : services_) {
    if (const std::string_view unit = unit_of(*record.service); !unit.empty()) {
      owners.emplace(unit, &record);
    }
  }
  std::map<std::string, uint64_t> told;
  for (const model::UnitState& unit : *inputs.units) {
    const auto before = unit_restarts_.find(unit.name);
    const bool again = before != unit_restarts_.end() && unit.restarts > before->second;
    const double gained = again ? static_cast<double>(unit.restarts - before->second) : 0;
    told.emplace(unit.name, unit.restarts);
    const auto owner = owners.find(unit.name);
    if (owner != owners.end()) {
      owner->second->unit_restarts.add({1, gained}, now_ns_);
      owner->second->presence.stopped = unit.active_state == "inactive";
    } else if (gained > 0 && host_.unit_restarts.size() < bounds_.subjects) {
      host_.unit_restarts.try_emplace(unit.name, settings_.restarts_window_ns / 20)
          .first->second.add({1, gained}, now_ns_);
    }
  }
  unit_restarts_ = std::move(told);
}

void Memory::read_listeners(const HealthInputs& inputs) {
  if (inputs.listeners == nullptr || inputs.listeners == last_listeners_) return;
  last_listeners_ = inputs.listeners;
  for (const ListenerBacklog& is : *inputs.listeners) {
    if (is.service == nullptr || is.max == 0) continue;
    ServiceRecord* const record = record_of(is.service);
    if (record == nullptr) continue;
    auto found = record->listeners.find(is.port);
    if (found == record->listeners.end()) {
      if (record->listeners.size() >= bounds_.subjects) continue;
      found = record->listeners.try_emplace(is.port).first;
      found->second.drops = is.drops;
    }
    Listener& listener = found->second;
    listener.backlog = static_cast<double>(is.backlog);
    listener.max = static_cast<double>(is.max);
    listener.share.set(listener.backlog / listener.max, now_ns_);
    if (is.drops > listener.drops) {
      const auto gained = static_cast<double>(is.drops - listener.drops);
      record->overflows.add({gained, gained}, now_ns_);
      record->overflows_told = true;
    }
    listener.drops = is.drops;
  }
}

/// Only who and how: they are counted elsewhere. There is no such count before the first one.
void Memory::read_oom_kills(const HealthInputs& inputs) {
  if (inputs.oom_kills == nullptr || inputs.oom_kills == last_oom_kills_) return;
  last_oom_kills_ = inputs.oom_kills;
  host_.oom.told = true;
  for (const model::OomKill& kill : *inputs.oom_kills) {
    host_.oom.last = oom_text(kill);
    if (kill.service == nullptr) continue;
    if (ServiceRecord* const record = known_record_of(*kill.service)) {
      record->oom.last = host_.oom.last;
    }
  }
}

void Memory::forget() {
  for (auto& [key, record] : services_) {
    if (record.presence.alive > 0) record.active_ns = now_ns_;
    std::erase_if(record.dependencies,
                  [&](const auto& item) { return now_ns_ - item.second.active_ns > kIdleNs; });
    std::erase_if(record.listeners,
                  [&](const auto& item) { return now_ns_ - item.second.share.at_ns > kIdleNs; });
  }
  std::erase_if(services_, [&](const auto& item) {
    const Presence& presence = item.second.presence;
    const bool down = presence.is_service && presence.first_ns != 0 && !presence.stopped;
    return now_ns_ - item.second.active_ns > (down ? settings_.forget_ns : kIdleNs);
  });
  std::erase_if(host_.file_systems,
                [&](const auto& item) { return now_ns_ - item.second.seen_ns > kIdleNs; });
  std::erase_if(host_.unit_restarts, [&](const auto& item) {
    return now_ns_ - item.second.last_ns() > settings_.restarts_window_ns;
  });
}

}  // namespace hostlens::health
