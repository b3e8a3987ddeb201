// SPDX-License-Identifier: Apache-2.0
#include "health/reading.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>

namespace hostlens::health {
namespace {

using model::MetricPoint;

/// Calls `use(record, point)` for the points of services.
template <typename Use>
void of_services(const Reading& reading, Use use) {
  for (const MetricPoint& point : reading.family.points) {
    if (point.service == nullptr) continue;
    if (ServiceRecord* const record = reading.memory.record_of(point.service)) use(*record, point);
  }
}

/// The same for families that cover the whole host: only services that are known otherwise.
template <typename Use>
void of_known_services(const Reading& reading, Use use) {
  for (const MetricPoint& point : reading.family.points) {
    if (point.service == nullptr) continue;
    if (ServiceRecord* const record = reading.memory.known_record_of(*point.service)) {
      use(*record, point);
    }
  }
}

template <Gauge ServiceRecord::*kGauge>
void read_service_gauge(const Reading& reading) {
  of_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    (record.*kGauge).set(number_of(point), reading.memory.now_ns());
  });
}

template <Gauge HostRecord::*kGauge>
void read_host_gauge(const Reading& reading) {
  for (const MetricPoint& point : reading.family.points) {
    (reading.memory.host().*kGauge).set(number_of(point), reading.memory.now_ns());
  }
}

void read_periods(const Reading& reading) {
  of_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    record.throttling.add({reading.gain(point), 0}, reading.memory.now_ns());
  });
}
void read_throttled_periods(const Reading& reading) {
  of_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    record.throttling.add({0, reading.gain(point)}, reading.memory.now_ns());
  });
}

void read_runqueue(const Reading& reading) {
  struct Sum {
    std::vector<const model::ExponentialHistogram*> histograms;
    double gained = 0;
  };
  std::map<ServiceRecord*, Sum> sums;
  of_known_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    const auto* histogram = std::get_if<model::ExponentialHistogram>(&point.value);
    if (histogram == nullptr) return;
    Sum& sum = sums[&record];
    sum.histograms.push_back(histogram);
    sum.gained += reading.gain(point);
  });
  for (const auto& [record, sum] : sums) {
    take_latency(record->runqueue, sum.histograms, sum.gained, reading.memory.now_ns(), UINT64_MAX);
  }
}

void read_oom_kills(const Reading& reading) {
  HostRecord& host = reading.memory.host();
  host.oom.told = true;
  for (const MetricPoint& point : reading.family.points) {
    const double gained = reading.gain(point);
    host.oom.kills.add({gained, gained}, reading.memory.now_ns());
    if (point.service == nullptr) continue;
    ServiceRecord* const record = reading.memory.known_record_of(*point.service);
    if (record == nullptr) continue;
    record->oom.told = true;
    record->oom.kills.add({gained, gained}, reading.memory.now_ns());
  }
}

/// Counted beside hostlens.oom.kills where both are told: the larger one is judged.
void read_memory_events(const Reading& reading) {
  of_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    if (text_of(point, "event") != "oom_kill") return;
    record.oom.told = true;
    record.oom.kills.add({reading.gain(point), 0}, reading.memory.now_ns());
  });
}

void read_overflows(const Reading& reading) {
  of_known_services(reading, [&](ServiceRecord& record, const MetricPoint& point) {
    record.overflows_told = true;
    const double gained = reading.gain(point);
    record.overflows.add({gained, gained}, reading.memory.now_ns());
  });
}

void read_host_overflows(const Reading& reading) {
  HostRecord& host = reading.memory.host();
  for (const MetricPoint& point : reading.family.points) {
    host.overflows_told = true;
    const double gained = reading.gain(point);
    host.overflows.add({gained, gained}, reading.memory.now_ns());
  }
}

FileSystem* file_system(const Reading& reading, const MetricPoint& point) {
  auto& all = reading.memory.host().file_systems;
  const std::string_view mount = text_of(point, "system.filesystem.mountpoint");
  auto found = all.find(mount);
  if (found == all.end()) {
    if (mount.empty() || all.size() >= reading.memory.bounds().subjects) return nullptr;
    found = all.try_emplace(std::string(mount)).first;
  }
  found->second.seen_ns = reading.memory.now_ns();
  return &found->second;
}

void read_space(const Reading& reading, Gauge FileSystem::*used, Gauge FileSystem::*free,
                Trend FileSystem::*trend) {
  for (const MetricPoint& point : reading.family.points) {
    FileSystem* const is = file_system(reading, point);
    if (is == nullptr) continue;
    // What root alone may use is neither used nor free for those who fill the disk.
    const std::string_view state = text_of(point, "system.filesystem.state");
    const uint64_t now_ns = reading.memory.now_ns();
    if (state == "free") (is->*free).set(number_of(point), now_ns);
    if (state != "used") continue;
    (is->*used).set(number_of(point), now_ns);
    (is->*trend).add(number_of(point), now_ns);
  }
}
void read_bytes(const Reading& reading) {
  read_space(reading, &FileSystem::used, &FileSystem::free, &FileSystem::space);
}
void read_inodes(const Reading& reading) {
  read_space(reading, &FileSystem::used_inodes, &FileSystem::free_inodes, &FileSystem::inodes);
}
void read_stuck(const Reading& reading) {
  for (const MetricPoint& point : reading.family.points) {
    if (FileSystem* const is = file_system(reading, point)) is->stuck = number_of(point) != 0;
  }
}

void read_pressure(const Reading& reading) {
  HostRecord& host = reading.memory.host();
  for (const MetricPoint& point : reading.family.points) {
    if (text_of(point, "resource") != "memory" || text_of(point, "kind") != "full") continue;
    const uint64_t before_ns = host.memory_stalls.last_ns();
    const uint64_t now_ns = reading.memory.now_ns();
    const double gained = reading.gain(point);
    const double elapsed = before_ns == 0 ? 0 : static_cast<double>(now_ns - before_ns) / 1e9;
    host.memory_stalls.add({elapsed, elapsed > 0 ? gained : 0}, now_ns);
  }
}

/// Reasons that are the agent's failure; the others are what traffic is like (no HTTP, a peer that
/// breaks the protocol, a response whose request was before our time).
bool is_loss(std::string_view reason) {
  constexpr std::array<std::string_view, 8> kLosses = {
      "ring_full",  "storage_failed", "malformed",       "track_limit",
      "queue_full", "rejected",       "retry_exhausted", "worker_restart"};
  return std::find(kLosses.begin(), kLosses.end(), reason) != kLosses.end();
}

void read_records(const Reading& reading) {
  auto& stages = reading.memory.host().stages;
  for (const MetricPoint& point : reading.family.points) {
    const std::string_view outcome = text_of(point, "outcome");
    const bool received = outcome == "received";
    if (!received && !(outcome == "dropped" && is_loss(text_of(point, "reason")))) continue;
    const std::string_view stage = text_of(point, "stage");
    auto found = stages.find(stage);
    if (found == stages.end()) {
      if (stages.size() >= reading.memory.bounds().subjects) continue;
      found = stages.try_emplace(std::string(stage), kSlotNs).first;
    }
    const double gained = reading.gain(point);
    found->second.add({received ? gained : 0, received ? 0 : gained}, reading.memory.now_ns());
  }
}

void read_control_lost(const Reading& reading) {
  for (const MetricPoint& point : reading.family.points) {
    const double gained = reading.gain(point);
    reading.memory.host().control_lost.add({gained, gained}, reading.memory.now_ns());
  }
}

void read_synchronized(const Reading& reading) {
  read_host_gauge<&HostRecord::clock_synchronized>(reading);
  HostRecord& host = reading.memory.host();
  if (host.clock_synchronized.value != 0) host.clock_was_synchronized = true;
}

}  // namespace

FamilyReader reader_of(std::string_view family) {
  static const std::unordered_map<std::string_view, FamilyReader> kReaders = {
      {"http.server.request.duration", read_server_requests},
      {"http.client.request.duration", read_client_requests},
      {"hostlens.connection.opened", read_opened},
      {"hostlens.connection.failed", read_failed},
      {"hostlens.thread.runqueue.duration", read_runqueue},
      {"hostlens.oom.kills", read_oom_kills},
      {"hostlens.cgroup.memory.events", read_memory_events},
      {"hostlens.listen.overflows", read_overflows},
      {"hostlens.network.tcp.listen.overflows", read_host_overflows},
      {"hostlens.cgroup.cpu.periods", read_periods},
      {"hostlens.cgroup.cpu.throttled.periods", read_throttled_periods},
      {"hostlens.cgroup.memory.limit", read_service_gauge<&ServiceRecord::memory_limit>},
      {"container.memory.working_set", read_service_gauge<&ServiceRecord::memory_used>},
      {"hostlens.cgroup.threads", read_service_gauge<&ServiceRecord::threads>},
      {"hostlens.cgroup.process.limit", read_service_gauge<&ServiceRecord::threads_limit>},
      {"system.filesystem.usage", read_bytes},
      {"system.filesystem.inodes.usage", read_inodes},
      {"hostlens.filesystem.stuck", read_stuck},
      {"hostlens.pressure.time", read_pressure},
      {"system.memory.linux.available", read_host_gauge<&HostRecord::memory_available>},
      {"system.memory.limit", read_host_gauge<&HostRecord::memory_limit>},
      {"hostlens.clock.synchronized", read_synchronized},
      {"hostlens.clock.offset", read_host_gauge<&HostRecord::clock_offset>},
      {"hostlens.conntrack.entries", read_host_gauge<&HostRecord::conntrack_entries>},
      {"hostlens.conntrack.limit", read_host_gauge<&HostRecord::conntrack_limit>},
      {"hostlens.records", read_records},
      {"hostlens.agent.control_records.lost", read_control_lost},
  };
  const auto found = kReaders.find(family);
  return found == kReaders.end() ? nullptr : found->second;
}

}  // namespace hostlens::health
