// SPDX-License-Identifier: Apache-2.0
// One judgement of a snapshot with many services: is to stay below a millisecond for 50 of them.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "aggregators/histogram_recorder.h"
#include "health/engine.h"
#include "health/report_output.h"

namespace hostlens::health {
namespace {

constexpr int kRoutes = 10;
constexpr int kPeers = 4;

model::MetricPoint point(const std::shared_ptr<const model::Service>& service,
                         model::Attributes attributes) {
  aggregators::HistogramRecorder recorder;
  for (int i = 1; i < 200; ++i) recorder.record(0.0003 * i);
  model::MetricPoint out;
  out.service = service;
  out.attributes = std::move(attributes);
  out.start_unix_ns = 1;
  out.value = recorder.snapshot();
  return out;
}

void judge(benchmark::State& state) {
  model::MetricSnapshot snapshot;
  model::MetricFamily server;
  model::MetricFamily client;
  server.name = "http.server.request.duration";
  client.name = "http.client.request.duration";
  auto processes = std::make_shared<std::vector<ServiceProcess>>();
  for (int64_t i = 0; i < state.range(0); ++i) {
    auto service = std::make_shared<model::Service>();
    service->name = "service-" + std::to_string(i);
    for (int route = 0; route < kRoutes; ++route) {
      server.points.push_back(
          point(service, {{"http.request.method", std::string("GET")},
                          {"http.response.status_code", int64_t{200}},
                          {"http.route", "/users/{id}/things/" + std::to_string(route)},
                          {"network.protocol.version", std::string("1.1")},
                          {"url.scheme", std::string("http")}}));
    }
    for (int peer = 0; peer < kPeers; ++peer) {
      client.points.push_back(
          point(service, {{"http.request.method", std::string("GET")},
                          {"server.address", "peer-" + std::to_string(peer) + ".internal"},
                          {"server.port", int64_t{8080}}}));
    }
    ServiceProcess process;
    process.service = service;
    process.key = {static_cast<uint32_t>(i + 1), 100};
    process.open_files = 10;
    process.open_files_limit = 1000;
    processes->push_back(process);
  }
  snapshot.families = {std::move(server), std::move(client)};
  HealthEngine engine{HealthSettings{}};
  HealthInputs inputs;
  inputs.processes = processes;
  size_t signals = 0;
  for (auto _ : state) {
    snapshot.monotonic_ns += 1'000'000'000;
    snapshot.unix_ns = snapshot.monotonic_ns + 1'000'000'000'000;
    for (model::MetricFamily& family : snapshot.families) {
      for (model::MetricPoint& each : family.points) {
        auto& histogram = std::get<model::ExponentialHistogram>(each.value);
        histogram.counts.back() += 3;
        histogram.count += 3;
      }
    }
    const auto report = engine.evaluate(snapshot, inputs);
    add_health_family(*report, snapshot);
    signals = report->signals.size();
    snapshot.families.pop_back();
  }
  state.counters["signals"] = static_cast<double>(signals);
}
BENCHMARK(judge)->Arg(5)->Arg(50)->Arg(200)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hostlens::health
