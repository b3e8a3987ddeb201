// SPDX-License-Identifier: Apache-2.0
// Reads snapshots and inputs into the records: the engine's only look at them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "health/inputs.h"
#include "health/records.h"
#include "health/series_follower.h"
#include "health/settings.h"
#include "model/metric.h"

namespace hostlens::health {

class Memory {
 public:
  Memory(const HealthSettings& settings, const HealthBounds& bounds);

  /// Snapshots in the order of their time. What was read before it is taken once, however many
  /// snapshots carry it.
  void observe(const model::MetricSnapshot& snapshot, const HealthInputs& inputs);

  [[nodiscard]] std::map<std::string, ServiceRecord>& services() { return services_; }
  [[nodiscard]] HostRecord& host() { return host_; }
  [[nodiscard]] bool full() const { return full_; }

  // For the readers of families (reading.h).
  /// nullptr: there are too many services.
  [[nodiscard]] ServiceRecord* record_of(const std::shared_ptr<const model::Service>& service);
  /// The same without making one: families of the whole host tell of many that nobody asked for.
  [[nodiscard]] ServiceRecord* known_record_of(const model::Service& service);
  [[nodiscard]] Dependency* dependency_of(ServiceRecord& record, std::string_view name);
  [[nodiscard]] const HealthSettings& settings() const { return settings_; }
  [[nodiscard]] const HealthBounds& bounds() const { return bounds_; }
  [[nodiscard]] uint64_t now_ns() const { return now_ns_; }
  [[nodiscard]] uint64_t now_unix_ns() const { return now_unix_ns_; }

 private:
  using Families = std::shared_ptr<const std::vector<model::MetricFamily>>;

  void read_once(const Families& reading, Families& last, SeriesFollower& follower);
  void read_family(const model::MetricFamily& family, SeriesFollower& follower);
  [[nodiscard]] ServiceRecord* find_or_add(const std::shared_ptr<const model::Service>& service);
  void read_processes(const HealthInputs& inputs);
  void read_units(const HealthInputs& inputs);
  void read_listeners(const HealthInputs& inputs);
  void read_oom_kills(const HealthInputs& inputs);
  void forget();

  HealthSettings settings_;
  HealthBounds bounds_;
  uint64_t now_ns_ = 0;
  uint64_t now_unix_ns_ = 0;
  bool full_ = false;
  std::map<std::string, ServiceRecord> services_;  ///< by namespace and name
  HostRecord host_;
  /// Points of one service follow each other: most look-ups are the one before again.
  const model::Service* last_service_ = nullptr;
  ServiceRecord* last_record_ = nullptr;
  SeriesFollower live_, scraped_, kernel_;
  Families last_scraped_, last_kernel_;
  std::shared_ptr<const std::vector<ServiceProcess>> last_processes_;
  std::shared_ptr<const std::vector<model::UnitState>> last_units_;
  std::shared_ptr<const std::vector<ListenerBacklog>> last_listeners_;
  std::shared_ptr<const std::vector<model::OomKill>> last_oom_kills_;
  std::map<std::string, uint64_t> unit_restarts_;  ///< as told last, by unit
};

}  // namespace hostlens::health
