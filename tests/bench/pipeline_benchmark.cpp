// SPDX-License-Identifier: Apache-2.0
// Socket events to finished exchange: tracker, HTTP/1.x parser and correlator, without the spans.
#include <benchmark/benchmark.h>

#include <memory>
#include <string_view>

#include "processors/connection_tracker.h"
#include "processors/correlator.h"
#include "protocols/http1/http1_parser.h"

namespace {

using namespace hostlens;

constexpr std::string_view kRequest =
    "GET /users/4711/orders HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: wrk/4.1.0\r\n\r\n";
constexpr std::string_view kResponseHead =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 10:58:44 GMT\r\n"
    "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
    "Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"65f1a2b3-400\"\r\nAccept-Ranges: bytes\r\n\r\n";

class OneProcess final : public discovery::ProcessResolver {
 public:
  OneProcess() {
    auto service = std::make_shared<model::Service>();
    service->name = "bench";
    auto process = std::make_shared<model::Process>();
    process->service = service;
    process_ = process;
  }
  std::shared_ptr<const model::Process> resolve(uint32_t) override { return process_; }

 private:
  std::shared_ptr<const model::Process> process_;
};

class Discard final : public processors::ExchangeSink, public processors::ConnectionSink {
 public:
  void request_started(const model::Exchange&) noexcept override {}
  void exchange_finished(model::Exchange&& exchange) noexcept override {
    const model::Exchange last = std::move(exchange);
    bytes += last.response_body_bytes;
  }
  void exchange_dropped(const model::Exchange&) noexcept override {}
  void connection_opened(const processors::ConnectionFacts&, uint64_t) noexcept override {}
  void connection_progress(const processors::ConnectionFacts&,
                           const processors::ConnectionDelta&) noexcept override {}
  void connection_closed(const processors::ConnectionFacts&, model::CloseReason) noexcept override {
  }
  void connect_failed(const std::shared_ptr<const model::Process>&,
                      const model::ConnectFailed&) noexcept override {}

  uint64_t bytes = 0;
};

/// 64 keep-alive connections of one server, one exchange each in turn.
class Pipeline {
 public:
  static constexpr uint64_t kConnections = 64;

  Pipeline()
      : ledger_(page_),
        correlator_({}, ledger_, discard_),
        tracker_(settings(), *processors::RouteTemplater::create({}), ledger_, process_,
                 correlator_, discard_) {
    for (uint64_t i = 1; i <= kConnections; ++i) {
      model::SocketOpened opened;
      opened.connection = i;
      opened.process.pid = 100;
      opened.role = model::SocketRole::kServer;
      opened.local = {model::AddressFamily::kIpv4, 8080, {127, 0, 0, 1}};
      opened.remote = {
          model::AddressFamily::kIpv4, static_cast<uint16_t>(30000 + i), {127, 0, 0, 1}};
      tracker_.on_control(opened);
    }
  }

  void exchange(uint64_t connection, bool head_and_body_apart) {
    send(connection, model::Direction::kReceive, received_[connection], kRequest, 0);
    if (head_and_body_apart) {
      send(connection, model::Direction::kSend, sent_[connection], kResponseHead, 0);
      send(connection, model::Direction::kSend, sent_[connection], {}, 1024);
    } else {
      send(connection, model::Direction::kSend, sent_[connection], kResponseHead, 1024);
    }
    if (now_ns_ >= next_tick_ns_) {
      next_tick_ns_ = now_ns_ + 100'000'000;
      tracker_.tick(now_ns_);
      correlator_.tick(now_ns_);
    }
  }
  [[nodiscard]] uint64_t finished() const { return ledger_.forwarded_total(base::Stage::kMatch); }

 private:
  static processors::ConnectionTrackerSettings settings() {
    static const protocols::ProtocolEntry kTable[] = {protocols::http1::http1_protocol()};
    processors::ConnectionTrackerSettings settings;
    settings.protocols = kTable;
    return settings;
  }
  void send(uint64_t connection, model::Direction direction, uint64_t& position,
            std::string_view bytes, uint64_t unseen) {
    now_ns_ += 33'000;  // 10,000 exchanges per second
    model::SocketData data;
    data.time_ns = now_ns_;
    data.connection = connection;
    data.pid = 100;
    data.tid = 100;
    data.direction = direction;
    data.position = position;
    data.length = bytes.size() + unseen;
    data.payload = {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
    position += data.length;
    if (tracker_.on_data(data) != processors::ConnectionTracker::DataOutcome::kOk) std::abort();
  }

  base::LedgerPage page_;
  base::Ledger ledger_;
  Discard discard_;
  OneProcess process_;
  processors::Correlator correlator_;
  processors::ConnectionTracker tracker_;
  uint64_t received_[kConnections + 1] = {};
  uint64_t sent_[kConnections + 1] = {};
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t next_tick_ns_ = 0;
};

void SocketEventsToExchange(benchmark::State& state) {
  Pipeline pipeline;
  uint64_t count = 0;
  for (auto _ : state) pipeline.exchange(1 + count++ % Pipeline::kConnections, state.range(0) != 0);
  if (pipeline.finished() != count) state.SkipWithError("exchanges are missing");
  state.SetItemsProcessed(static_cast<int64_t>(count));
}
BENCHMARK(SocketEventsToExchange)->ArgName("head_and_body_apart")->Arg(0)->Arg(1);

}  // namespace
