// SPDX-License-Identifier: Apache-2.0
// Health in the worker: what the engine is given, and where its report goes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "agent/configuration.h"
#include "checks/runner.h"
#include "health/engine.h"
#include "health/inputs.h"
#include "health/signal.h"
#include "model/metric.h"

namespace hostlens::agent {

/// The loop's thread, but for json(), which any thread may call.
class HealthWatch {
 public:
  /// `units` answers checks of type unit; nullptr: they stay unknown.
  explicit HealthWatch(const Configuration& configuration,
                       std::shared_ptr<checks::UnitSource> units = nullptr);

  /// After a reload. What was learnt stays unless thresholds changed, and checks go on unless they
  /// did.
  void update(const Configuration& configuration);

  /// What snapshots do not hold; each stays until the next one. Units, listeners and
  /// kills: nullptr until somebody reads them.
  void set_processes(std::shared_ptr<const std::vector<health::ServiceProcess>> processes);
  void set_units(std::shared_ptr<const std::vector<model::UnitState>> units);
  void set_oom_kills(std::shared_ptr<const std::vector<model::OomKill>> kills);
  void set_listeners(std::shared_ptr<const std::vector<health::ListenerBacklog>> listeners);

  /// Judges at most once a second, and adds the last states and the durations of checks to the
  /// snapshot, before it is published.
  void judge(model::MetricSnapshot& snapshot);

  /// The body of /api/v1/health; "" before the first judgement.
  [[nodiscard]] std::string json() const;

 private:
  static constexpr uint64_t kPeriodNs = 950'000'000;  ///< a snapshot a second must not be missed

  std::shared_ptr<checks::UnitSource> units_;
  std::vector<checks::CheckSettings> checks_;
  size_t checks_at_once_ = 0;
  std::unique_ptr<checks::CheckRunner> runner_;
  std::unique_ptr<health::HealthEngine> engine_;
  health::HealthInputs inputs_;
  uint64_t judged_ns_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<const health::HealthReport> report_;
};

}  // namespace hostlens::agent
