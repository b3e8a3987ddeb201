// SPDX-License-Identifier: Apache-2.0
// The entry point: snapshots and inputs in, states out.
#pragma once

#include <cstdint>
#include <memory>

#include "health/inputs.h"
#include "health/memory.h"
#include "health/settings.h"
#include "health/signal.h"
#include "model/metric.h"

namespace hostlens::health {

struct RuleContext;

/// One thread. Costs well below a millisecond for 50 services; memory is bounded by HealthBounds.
/// Durations are measured by the snapshots' monotonic time, so clocks may jump.
class HealthEngine {
 public:
  explicit HealthEngine(HealthSettings settings, HealthBounds bounds = {});

  /// Once a second. A snapshot that is not newer than the one before gives the same report again.
  [[nodiscard]] std::shared_ptr<const HealthReport> evaluate(const model::MetricSnapshot& snapshot,
                                                             const HealthInputs& inputs);
  [[nodiscard]] const HealthSettings& settings() const { return settings_; }

 private:
  void judge_services(const RuleContext& context, HealthReport& report);
  void judge_host(const RuleContext& context, HealthReport& report);
  [[nodiscard]] bool is_off(SignalId id) const;

  HealthSettings settings_;
  uint32_t off_ = 0;  ///< a bit per SignalId
  Memory memory_;
  uint64_t round_ = 0;
  uint64_t last_ns_ = 0;
  std::shared_ptr<const HealthReport> last_;
};

}  // namespace hostlens::health
