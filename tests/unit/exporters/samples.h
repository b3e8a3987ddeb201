// SPDX-License-Identifier: Apache-2.0
// Spans and snapshots that several tests send.
#pragma once

#include <memory>
#include <string>

#include "exporters/exporter.h"
#include "model/metric.h"
#include "model/span.h"

namespace hostlens::exporters {

inline std::shared_ptr<const model::Process> sample_process(const std::string& service = "shop",
                                                            uint32_t pid = 7) {
  auto owner = std::make_shared<model::Service>();
  owner->name = service;
  owner->resource = {{"service.name", service}};
  auto process = std::make_shared<model::Process>();
  process->key.pid = pid;
  process->service = owner;
  process->resource = {{"service.name", service}, {"process.pid", int64_t{pid}}};
  return process;
}

inline model::Span sample_span(std::shared_ptr<const model::Process> process = sample_process()) {
  model::Span span;
  span.context.trace_id = {0xAB, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  span.context.span_id = {0xCD, 2, 3, 4, 5, 6, 7, 8};
  span.context.flags = 1;
  span.context.trace_state = "vendor=1";
  span.parent_span_id = {9, 9, 9, 9, 9, 9, 9, 9};
  span.parent_is_remote = true;
  span.kind = model::SpanKind::kServer;
  span.status = model::SpanStatus::kError;
  span.status_message = "broken";
  span.name = "GET /users/{id}";
  span.start_unix_ns = 1'700'000'000'000'000'001;
  span.end_unix_ns = 1'700'000'000'000'000'901;
  span.attributes = {{"http.request.method", std::string("GET")},
                     {"http.response.status_code", int64_t{500}},
                     {"ratio", 0.5},
                     {"flag", true},
                     {"list", std::vector<std::string>{"a", "b"}}};
  span.events = {{1'700'000'000'000'000'500, "retry", {{"n", int64_t{-1}}}}};
  span.process = std::move(process);
  return span;
}

inline std::shared_ptr<const model::SpanBatch> sample_batch(size_t count = 1) {
  return std::make_shared<model::SpanBatch>(count, sample_span());
}

/// As the worker does: into the books, then to the exporter.
inline void hand_over(Exporter& exporter, const std::shared_ptr<const model::SpanBatch>& spans) {
  exporter.expect(spans->size());
  exporter.submit(spans);
}

inline std::shared_ptr<const model::MetricSnapshot> sample_snapshot() {
  auto agent = std::make_shared<model::Service>();
  agent->name = "hostlens";
  agent->resource = {{"service.name", std::string("hostlens")}};
  const auto service = sample_process()->service;
  auto snapshot = std::make_shared<model::MetricSnapshot>();
  snapshot->unix_ns = 2'000;
  snapshot->agent = agent;
  model::ExponentialHistogram histogram;
  histogram.scale = 3;
  histogram.offset = -2;
  histogram.zero_count = 1;
  histogram.counts = {4, 0, 5};
  histogram.count = 10;
  histogram.sum = 2.5;
  histogram.min = 0;
  histogram.max = 1.5;
  model::Exemplar exemplar{0.25, 1'500, sample_span().context.trace_id,
                           sample_span().context.span_id};
  snapshot->families = {
      {"http.server.request.duration",
       "Time of a request.",
       "s",
       model::MetricKind::kHistogram,
       {{service, {{"http.route", std::string("/")}}, 1'000, histogram, {exemplar}}}},
      {"hostlens.records",
       "Records.",
       "{record}",
       model::MetricKind::kCounter,
       {{nullptr, {}, 1'000, int64_t{5'000'000'000}, {}}, {service, {}, 1'000, int64_t{1}, {}}}},
      {"connections",
       "",
       "{connection}",
       model::MetricKind::kUpDownCounter,
       {{service, {}, 1'000, int64_t{-3}, {}}}},
      {"load", "", "1", model::MetricKind::kGauge, {{service, {}, 0, 0.75, {}}}},
  };
  return snapshot;
}

}  // namespace hostlens::exporters
