// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/health_watch.h"

#include <utility>

#include "health/report_output.h"

namespace hostlens::agent {

HealthWatch::HealthWatch(const Configuration& configuration,
                         std::shared_ptr<checks::UnitSource> units)
    : units_(std::move(units)) {
  update(configuration);
}

void HealthWatch::update(const Configuration& configuration) {
  inputs_.interval_ns = configuration.interval_ns;
  const size_t at_once = configuration.limits.checks_at_once;
  if (checks_ != configuration.checks || checks_at_once_ != at_once) {
    checks_ = configuration.checks;
    checks_at_once_ = at_once;
    runner_.reset();  // ends the commands of the old ones first
    if (!checks_.empty()) {
      checks::CheckEnvironment environment;
      environment.units = units_;
      runner_ = std::make_unique<checks::CheckRunner>(checks_, at_once, std::move(environment));
    }
  }
  if (engine_ != nullptr && engine_->settings() == configuration.health) return;
  engine_ = std::make_unique<health::HealthEngine>(configuration.health);
}

void HealthWatch::set_processes(
    std::shared_ptr<const std::vector<health::ServiceProcess>> processes) {
  inputs_.processes = std::move(processes);
}

void HealthWatch::set_units(std::shared_ptr<const std::vector<model::UnitState>> units) {
  inputs_.units = std::move(units);
}

void HealthWatch::set_oom_kills(std::shared_ptr<const std::vector<model::OomKill>> kills) {
  inputs_.oom_kills = std::move(kills);
}

void HealthWatch::set_listeners(
    std::shared_ptr<const std::vector<health::ListenerBacklog>> listeners) {
  inputs_.listeners = std::move(listeners);
}

void HealthWatch::judge(model::MetricSnapshot& snapshot) {
  if (report_ == nullptr || snapshot.monotonic_ns - judged_ns_ >= kPeriodNs) {
    judged_ns_ = snapshot.monotonic_ns;
    inputs_.checks.clear();
    if (runner_ != nullptr) inputs_.checks = runner_->statuses();
    auto report = engine_->evaluate(snapshot, inputs_);
    const std::lock_guard lock(mutex_);
    report_.swap(report);
  }
  health::add_health_family(*report_, snapshot);  // no one else writes it
  if (runner_ != nullptr) runner_->add_families(snapshot);
}

std::string HealthWatch::json() const {
  std::shared_ptr<const health::HealthReport> report;
  {
    const std::lock_guard lock(mutex_);
    report = report_;
  }
  return report == nullptr ? std::string() : health::to_json(*report);
}

}  // namespace hostlens::agent
