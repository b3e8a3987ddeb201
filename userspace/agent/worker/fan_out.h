// SPDX-License-Identifier: Apache-2.0
// The end of the shard: settled exchanges become metrics, and spans for whoever wants them.
#pragma once

#include <memory>
#include <vector>

#include "aggregators/metric_aggregator.h"
#include "base/clock.h"
#include "exporters/exporter.h"
#include "model/span.h"
#include "processors/sinks.h"
#include "processors/thread_activity.h"
#include "web/recent_spans.h"

namespace hostlens::agent {

/// A span is built only when an exporter or the memory of recent traces takes it. An exchange
/// enters the books of each exporter here, so that none is between two stages while its batch
/// fills. Shard thread; everything given must outlive it.
class FanOut final : public processors::ExchangeSink {
 public:
  explicit FanOut(aggregators::MetricAggregator& metrics) : metrics_(metrics) {}

  /// Takes effect with the next exchange; hand the batch to the old exporters first (`flush`).
  void set_exporters(std::vector<exporters::Exporter*> exporters);
  void set_recent(web::RecentSpans* recent) { recent_ = recent; }
  /// Is told of each request from now on; null: nobody.
  void set_activity(processors::ThreadActivity* activity) { activity_ = activity; }

  void request_started(model::Exchange& exchange) noexcept override;
  void exchange_finished(model::ExchangePtr exchange) noexcept override;
  void exchange_dropped(model::Exchange& exchange) noexcept override;

  /// Hands the batch on, however small. At least once per second.
  void flush() noexcept;
  /// Once per second: follows the wall clock.
  void refresh_clock() noexcept { clock_.refresh(); }
  [[nodiscard]] uint64_t finished_total() const { return finished_; }

 private:
  static constexpr size_t kBatchSpans = 512;

  aggregators::MetricAggregator& metrics_;
  base::WallClock clock_;
  std::vector<exporters::Exporter*> exporters_;
  web::RecentSpans* recent_ = nullptr;
  processors::ThreadActivity* activity_ = nullptr;
  model::SpanBatch batch_;
  uint64_t finished_ = 0;
};

}  // namespace hostlens::agent
