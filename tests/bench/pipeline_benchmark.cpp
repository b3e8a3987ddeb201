// SPDX-License-Identifier: Apache-2.0
// Ring bytes to metric: the whole shard and what is behind it, from records as the probe writes
// them to series and the memory of recent traces, with the ticks and snapshots of 10,000 exchanges
// per second.
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/worker/fan_out.h"
#include "agent/worker/shard.h"
#include "records/socket.h"
#include "unit/discovery/fake_host.h"

namespace {

using namespace hostlens;

constexpr std::string_view kRequest =
    "GET /users/4711/orders HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: wrk/4.1.0\r\n\r\n";
constexpr std::string_view kResponseHead =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 10:58:44 GMT\r\n"
    "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
    "Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"65f1a2b3-400\"\r\nAccept-Ranges: bytes\r\n\r\n";
constexpr uint32_t kPid = 100;

/// Records in one piece of memory that is used again.
class MemoryRing final : public kernel::RecordRing {
 public:
  [[nodiscard]] int fd() const override { return -1; }
  size_t consume(const Callback& callback) override {
    for (const base::Bytes record : records_) callback(record);
    const size_t count = records_.size();
    records_.clear();
    used_ = 0;
    return count;
  }
  [[nodiscard]] size_t pending_bytes() const override { return used_; }

  template <typename Record>
  void put(Record record, std::string_view payload) {
    record.header.size = static_cast<uint32_t>(sizeof(record) + payload.size());
    if (used_ + record.header.size > memory_.size()) std::abort();
    std::byte* const at = memory_.data() + used_;
    std::memcpy(at, &record, sizeof(record));
    std::memcpy(at + sizeof(record), payload.data(), payload.size());
    records_.emplace_back(at, record.header.size);
    used_ += (record.header.size + 7) / 8 * 8;
  }

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(4U << 20U);
  std::vector<base::Bytes> records_;
  size_t used_ = 0;
};

/// 64 keep-alive connections of one server, one exchange each in turn.
class Pipeline {
 public:
  static constexpr uint64_t kConnections = 64;

  Pipeline() : ledger_(page_) {
    discovery::FakeProcess server;
    server.pid = kPid;
    server.executable = "/usr/bin/server";
    host_.put(server);
    fan_out_.set_recent(&recent_);
    agent::ShardParts parts;
    auto control = std::make_unique<MemoryRing>();
    auto data = std::make_unique<MemoryRing>();
    control_ = control.get();
    data_ = data.get();
    parts.control = std::move(control);
    parts.data = std::move(data);
    parts.processes = *discovery::ProcessTable::create({}, host_, host_.proc());
    shard_ = *agent::Shard::create({}, std::move(parts), ledger_, {fan_out_, metrics_});
    for (uint64_t i = 1; i <= kConnections; ++i) open(i);
  }

  void exchange(uint64_t connection, bool head_and_body_apart) {
    transfer(connection, 0, received_[connection], kRequest, 0);
    if (head_and_body_apart) {
      transfer(connection, SOCKET_DATA_SEND, sent_[connection], kResponseHead, 0);
      transfer(connection, SOCKET_DATA_SEND | SOCKET_DATA_LENGTH_ONLY, sent_[connection], {}, 1024);
    } else {
      transfer(connection, SOCKET_DATA_SEND, sent_[connection], kResponseHead, 1024);
    }
    if (now_ns_ < next_drain_ns_) return;
    next_drain_ns_ = now_ns_ + 100'000'000;
    drain();
  }
  void drain() {
    shard_->drain();
    shard_->tick(now_ns_);
    if (now_ns_ < next_snapshot_ns_) return;
    next_snapshot_ns_ = now_ns_ + 1'000'000'000;
    recent_.tick();
    benchmark::DoNotOptimize(metrics_.snapshot(now_ns_, {}));
  }
  [[nodiscard]] uint64_t finished() const { return ledger_.forwarded_total(base::Stage::kMatch); }

 private:
  void open(uint64_t connection) {
    socket_opened_record record{};
    record.header.type = RECORD_SOCKET_OPENED;
    record.header.time_ns = now_ns_;
    record.process = {.start_boottime_ns = 1'000'000'000, .pid = kPid, .tid = kPid};
    record.connection = connection;
    record.local = {.ip = {127, 0, 0, 1}, .port = 8080, .family = AF_INET, .reserved = 0};
    record.remote = {.ip = {127, 0, 0, 1},
                     .port = static_cast<uint16_t>(30000 + connection),
                     .family = AF_INET,
                     .reserved = 0};
    record.flags = SOCKET_OPENED_SERVER;
    control_->put(record, {});
  }
  void transfer(uint64_t connection, uint32_t flags, uint64_t& position, std::string_view bytes,
                uint32_t unseen) {
    socket_data_record record{};
    record.header.type = RECORD_SOCKET_DATA;
    record.header.time_ns = now_ns_ += 50'000;
    record.connection = connection;
    record.position = position;
    record.pid = record.tid = kPid;
    record.payload_size = static_cast<uint32_t>(bytes.size());
    record.length = record.payload_size + unseen;
    record.flags = flags;
    position += record.length;
    data_->put(record, bytes);
  }

  base::LedgerPage page_;
  base::Ledger ledger_;
  discovery::FakeHost host_;
  web::RecentSpans recent_{1000, 100};
  aggregators::MetricAggregator metrics_{{}};
  agent::FanOut fan_out_{metrics_};
  MemoryRing* control_ = nullptr;
  MemoryRing* data_ = nullptr;
  std::unique_ptr<agent::Shard> shard_;
  uint64_t received_[kConnections + 1] = {};
  uint64_t sent_[kConnections + 1] = {};
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t next_drain_ns_ = 0;
  uint64_t next_snapshot_ns_ = 0;
};

void RingBytesToMetric(benchmark::State& state) {
  Pipeline pipeline;
  uint64_t count = 0;
  for (auto _ : state) pipeline.exchange(1 + count++ % Pipeline::kConnections, state.range(0) != 0);
  pipeline.drain();
  if (pipeline.finished() != count) state.SkipWithError("exchanges are missing");
  state.SetItemsProcessed(static_cast<int64_t>(count));
}
BENCHMARK(RingBytesToMetric)->ArgName("head_and_body_apart")->Arg(0)->Arg(1);

}  // namespace
