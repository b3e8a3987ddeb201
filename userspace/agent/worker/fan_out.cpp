// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/fan_out.h"

#include <utility>

#include "processors/span_builder.h"

namespace hostlens::agent {

void FanOut::set_exporters(std::vector<exporters::Exporter*> exporters) {
  exporters_ = std::move(exporters);
}

void FanOut::request_started(model::Exchange& exchange) noexcept {
  metrics_.request_started(exchange);
  if (activity_ != nullptr) activity_->started(exchange);
}

void FanOut::exchange_finished(model::ExchangePtr exchange) noexcept {
  ++finished_;
  if (activity_ != nullptr) activity_->ended(*exchange);
  const bool keep = recent_ != nullptr && recent_->wants(exchange->context.trace_id);
  if (keep || !exporters_.empty()) {
    model::Span span = processors::build_span(*exchange, clock_);
    if (exporters_.empty()) {
      recent_->add(std::move(span));
    } else {
      if (keep) recent_->add(span);
      for (exporters::Exporter* exporter : exporters_) exporter->expect(1);
      batch_.push_back(std::move(span));
      if (batch_.size() >= kBatchSpans) flush();
    }
  }
  metrics_.exchange_finished(*exchange);
}

void FanOut::exchange_dropped(model::Exchange& exchange) noexcept {
  metrics_.exchange_dropped(exchange);
  if (activity_ != nullptr) activity_->ended(exchange);
}

void FanOut::flush() noexcept {
  if (batch_.empty()) return;
  const auto batch = std::make_shared<const model::SpanBatch>(std::exchange(batch_, {}));
  batch_.reserve(kBatchSpans);
  for (exporters::Exporter* exporter : exporters_) exporter->submit(batch);
}

}  // namespace hostlens::agent
