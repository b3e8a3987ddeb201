// SPDX-License-Identifier: Apache-2.0
// Exchanges and connections to metrics, and the agent's account of itself beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aggregators/agent_sample.h"
#include "aggregators/connection_metrics.h"
#include "aggregators/http_metrics.h"
#include "base/clock.h"
#include "model/metric.h"
#include "model/service.h"
#include "processors/sinks.h"

namespace hostlens::aggregators {

struct MetricAggregatorSettings {
  size_t series_per_family = 2000;
  uint64_t series_idle_ns = 300'000'000'000;
  std::shared_ptr<const model::Service> agent;  ///< resource of the agent's own points
  uint64_t start_unix_ns = 0;  ///< of the supervisor: the ledger's counters begin there
};

/// Sits behind the correlator, so that exemplars know their spans, and behind the connection
/// tracker. Everything is cumulative. Shard thread only; a known series costs no allocation.
class MetricAggregator final : public processors::ConnectionSink {
 public:
  explicit MetricAggregator(MetricAggregatorSettings settings);

  void request_started(model::Exchange& exchange) noexcept;
  void exchange_finished(model::Exchange& exchange) noexcept;
  void exchange_dropped(model::Exchange& exchange) noexcept;

  void connection_opened(const processors::ConnectionFacts& facts,
                         uint64_t connect_latency_ns) noexcept override;
  void connection_progress(const processors::ConnectionFacts& facts,
                           const processors::ConnectionDelta& delta) noexcept override;
  void connection_closed(const processors::ConnectionFacts& facts,
                         model::CloseReason reason) noexcept override;
  void connect_failed(const std::shared_ptr<const model::Process>& process,
                      const model::ConnectFailed& failure) noexcept override;

  /// After a reload. Existing series stay.
  void set_limits(size_t series_per_family, uint64_t series_idle_ns);

  using Families = std::shared_ptr<const std::vector<model::MetricFamily>>;
  /// Once per second, with CLOCK_MONOTONIC as in the events. Expires idle series. The last two are
  /// passed on. Immutable result: the caller publishes and exports it.
  [[nodiscard]] std::shared_ptr<const model::MetricSnapshot> snapshot(
      uint64_t now_ns, const AgentSample& agent, Families scraped = nullptr,
      Families kernel_signals = nullptr);

 private:
  MetricAggregatorSettings settings_;
  uint64_t worker_start_unix_ns_;
  base::WallClock clock_;
  HttpMetrics http_;
  ConnectionMetrics connections_;
};

}  // namespace hostlens::aggregators
