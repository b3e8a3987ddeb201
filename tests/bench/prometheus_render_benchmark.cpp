// SPDX-License-Identifier: Apache-2.0
// One scrape: 2,000 series of HTTP durations in each of the three formats.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>

#include "exporters/prometheus/render.h"

namespace {

using namespace hostlens;

constexpr const char* kAccept[] = {
    "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"};

/// 20 services with 100 routes each; 60 filled buckets and two exemplars per series.
model::MetricSnapshot busy_snapshot() {
  std::mt19937 random(1);
  model::MetricFamily family;
  family.name = "http.server.request.duration";
  family.description = "Duration of HTTP server requests.";
  family.unit = "s";
  family.kind = model::MetricKind::kHistogram;
  for (int i = 0; i < 2000; ++i) {
    static std::shared_ptr<const model::Service> service;
    if (i % 100 == 0) {
      auto next = std::make_shared<model::Service>();
      next->name = "service-" + std::to_string(i / 100);
      next->ns = "shop";
      next->instance_id = std::to_string(i);
      service = next;
    }
    model::MetricPoint point;
    point.service = service;
    point.attributes = {{"http.request.method", "GET"},
                        {"http.response.status_code", int64_t{200}},
                        {"http.route", "/api/v1/customers/{id}/orders/" + std::to_string(i % 100)},
                        {"url.scheme", "http"}};
    point.start_unix_ns = 1'700'000'000'000'000'000;
    model::ExponentialHistogram histogram;
    histogram.scale = 3;
    histogram.offset = -80;
    for (int bucket = 0; bucket < 60; ++bucket) histogram.counts.push_back(random() % 100'000);
    for (const uint64_t count : histogram.counts) histogram.count += count;
    histogram.sum = 0.0123 * static_cast<double>(histogram.count);
    point.value = histogram;
    point.exemplars = {{0.003, 1'700'000'001'000'000'000, {1}, {1}},
                       {0.03, 1'700'000'002'000'000'000, {2}, {2}}};
    family.points.push_back(point);
  }
  model::MetricSnapshot snapshot;
  snapshot.families.push_back(std::move(family));
  return snapshot;
}

void RenderScrape(benchmark::State& state) {
  const model::MetricSnapshot snapshot = busy_snapshot();
  const char* accept = kAccept[state.range(0)];
  size_t bytes = 0;
  for (auto _ : state) bytes = exporters::prometheus::render(snapshot, accept).body.size();
  state.SetLabel(accept);
  state.counters["body_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(RenderScrape)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
