// SPDX-License-Identifier: Apache-2.0
// What a span costs from the model to the bytes that are sent.
#include <benchmark/benchmark.h>

#include "exporters/otlp/encode_traces.h"
#include "exporters/otlp/gzip.h"
#include "exporters/otlp_json/encode_json.h"

namespace {

using namespace hostlens;

/// A second's worth at 512 requests per second: server spans as span_builder makes them.
std::shared_ptr<const model::SpanBatch> batch() {
  std::vector<std::shared_ptr<const model::Process>> processes;
  for (uint32_t i = 0; i < 4; ++i) {
    auto process = std::make_shared<model::Process>();
    process->resource = {{"service.name", std::string("shop") + std::to_string(i)},
                         {"host.name", std::string("machine-1")},
                         {"process.pid", int64_t{1000 + i}},
                         {"process.executable.name", std::string("nginx")}};
    processes.push_back(process);
  }
  auto spans = std::make_shared<model::SpanBatch>();
  uint64_t random = 1;
  const auto next = [&random] {
    return random = random * 6364136223846793005ULL + 1442695040888963407ULL;
  };
  for (int i = 0; i < 512; ++i) {
    model::Span span;
    for (auto& byte : span.context.trace_id) byte = static_cast<uint8_t>(next() >> 56);
    for (auto& byte : span.context.span_id) byte = static_cast<uint8_t>(next() >> 56);
    span.kind = model::SpanKind::kServer;
    span.name = "GET /users/{id}/orders";
    span.start_unix_ns = 1'700'000'000'000'000'000 + (next() >> 34);
    span.end_unix_ns = span.start_unix_ns + (next() >> 44);
    span.attributes = {{"http.request.method", std::string("GET")},
                       {"url.path", "/users/" + std::to_string(next() >> 44) + "/orders"},
                       {"url.scheme", std::string("http")},
                       {"http.route", std::string("/users/{id}/orders")},
                       {"http.response.status_code", int64_t{200}},
                       {"network.protocol.version", std::string("1.1")},
                       {"server.address", std::string("127.0.0.1")},
                       {"server.port", int64_t{8080}},
                       {"client.address", std::string("127.0.0.1")},
                       {"network.peer.address", std::string("127.0.0.1")},
                       {"network.peer.port", static_cast<int64_t>(30000 + (next() >> 50))},
                       {"user_agent.original", std::string("wrk/4.1.0")},
                       {"http.response.body.size", int64_t{1024}},
                       {"thread.id", int64_t{1234}}};
    span.process = processes[static_cast<size_t>(i) / 8 % processes.size()];
    spans->push_back(std::move(span));
  }
  return spans;
}

void EncodeSpans(benchmark::State& state) {
  const auto spans = batch();
  exporters::otlp::TraceEncoder encoder;
  auto gzip = exporters::otlp::Gzip::create();
  size_t plain = 0;
  size_t sent = 0;
  for (auto _ : state) {
    for (const model::Span& span : *spans) encoder.add(span);
    const auto request = encoder.finish();
    plain = sent = request.body.size();
    if (state.range(0) != 0) sent = (*gzip)->compress(request.body)->size();
    benchmark::DoNotOptimize(sent);
  }
  const auto count = static_cast<double>(spans->size());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(spans->size()));
  state.counters["plain_bytes_per_span"] = static_cast<double>(plain) / count;
  state.counters["sent_bytes_per_span"] = static_cast<double>(sent) / count;
}
BENCHMARK(EncodeSpans)->ArgName("gzip")->Arg(0)->Arg(1);

void EncodeJsonLine(benchmark::State& state) {
  const std::vector<std::shared_ptr<const model::SpanBatch>> spans = {batch()};
  for (auto _ : state) benchmark::DoNotOptimize(exporters::otlp_json::encode_spans(spans));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(spans[0]->size()));
}
BENCHMARK(EncodeJsonLine);

}  // namespace
