// SPDX-License-Identifier: Apache-2.0
// Finished exchange to metric series, and the snapshot once per second.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aggregators/metric_aggregator.h"

namespace {

using namespace hostlens;

/// Exchanges of one server: `routes` routes, latencies from 80 us to 5 ms.
std::vector<model::Exchange> exchanges(size_t routes) {
  auto service = std::make_shared<model::Service>();
  service->name = "bench";
  auto process = std::make_shared<model::Process>();
  process->service = service;
  std::vector<model::Exchange> list(4 * routes);
  for (size_t i = 0; i < list.size(); ++i) {
    model::Exchange& exchange = list[i];
    exchange.process = process;
    exchange.local = {model::AddressFamily::kIpv4, 8080, {127, 0, 0, 1}};
    exchange.remote = {model::AddressFamily::kIpv4, 30000, {127, 0, 0, 1}};
    exchange.http.method = "GET";
    exchange.http.status = 200;
    exchange.http.host = "127.0.0.1:8080";
    exchange.http.path = "/users/4711/orders";
    exchange.route = "/users/{id}/orders/" + std::to_string(i % routes);
    exchange.response_body_bytes = 1024;
    exchange.request_start_ns = base::monotonic_now_ns();
    exchange.end_ns = exchange.request_start_ns + 80'000 + (i * 7919U) % 4'920'000;
    exchange.context.trace_id.fill(1);
    exchange.context.span_id.fill(2);
  }
  return list;
}

void ExchangeToSeries(benchmark::State& state) {
  aggregators::MetricAggregator aggregator({});
  auto list = exchanges(static_cast<size_t>(state.range(0)));
  uint64_t id = 0;
  for (auto _ : state) {
    model::Exchange& exchange = list[id % list.size()];
    exchange.id = ++id;
    aggregator.request_started(exchange);
    aggregator.exchange_finished(exchange);
  }
  state.SetItemsProcessed(static_cast<int64_t>(id));
}
BENCHMARK(ExchangeToSeries)->ArgName("routes")->Arg(1)->Arg(20)->Arg(200);

void Snapshot(benchmark::State& state) {
  aggregators::MetricAggregator aggregator({});
  auto list = exchanges(static_cast<size_t>(state.range(0)));
  for (model::Exchange& exchange : list) aggregator.exchange_finished(exchange);
  for (auto _ : state) {
    benchmark::DoNotOptimize(aggregator.snapshot(base::monotonic_now_ns(), {}));
  }
}
BENCHMARK(Snapshot)->ArgName("series")->Arg(20)->Arg(2000)->Unit(benchmark::kMicrosecond);

void OverflowingExchange(benchmark::State& state) {
  aggregators::MetricAggregatorSettings settings;
  settings.series_per_family = 100;
  aggregators::MetricAggregator aggregator(settings);
  auto list = exchanges(2000);
  size_t next = 0;
  for (auto _ : state) {
    aggregator.exchange_finished(list[next++ % list.size()]);
  }
}
BENCHMARK(OverflowingExchange);

}  // namespace
