// SPDX-License-Identifier: Apache-2.0
// Records written by hand as the probe writes them, through the whole shard.
#include "agent/worker/shard.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>

#include "records/process.h"
#include "records/socket.h"
#include "unit/discovery/fake_host.h"
#include "unit/processors/test_sinks.h"

namespace hostlens::agent {
namespace {

using base::DropReason;
using base::Stage;

constexpr std::string_view kGet = "GET /users/17 HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr uint32_t kPid = 100;

class FakeRing final : public kernel::RecordRing {
 public:
  [[nodiscard]] int fd() const override { return -1; }
  size_t consume(const Callback& callback) override {
    if (before_reading) std::exchange(before_reading, {})();
    const size_t count = records.size();
    for (size_t i = 0; i < count; ++i) {
      callback(records.front());
      records.pop_front();
    }
    return count;
  }
  [[nodiscard]] size_t pending_bytes() const override { return records.size(); }

  std::deque<std::vector<std::byte>> records;
  std::function<void()> before_reading;  ///< once
};

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() {
    discovery::FakeProcess server;
    server.pid = kPid;
    server.executable = "/usr/bin/server";
    host_.put(server);
  }

  void make(bool with_targets = false) {
    ShardParts parts;
    auto control = std::make_unique<FakeRing>();
    auto data = std::make_unique<FakeRing>();
    control_ = control.get();
    data_ = data.get();
    parts.control = std::move(control);
    parts.data = std::move(data);
    parts.processes = *discovery::ProcessTable::create({}, host_, host_.proc());
    if (with_targets) {
      discovery::TargetSelectorSettings settings;
      settings.include = {{{discovery::ProcessRuleKey::kExecutable, "server"}}};
      parts.targets =
          *discovery::TargetSelector::create(settings, host_, host_.proc(), host_.cgroups());
    }
    auto made =
        Shard::create(configuration_, std::move(parts), ledger_, {exchanges_, connections_});
    ASSERT_TRUE(made) << made.error().text();
    shard_ = *std::move(made);
  }

  template <typename T>
  T record(uint16_t type) {
    T out{};
    out.header.time_ns = now_ns_ += 1000;
    out.header.type = type;
    out.header.size = sizeof(T);
    return out;
  }
  template <typename T>
  static void put(FakeRing& ring, T record, std::string_view payload = {}) {
    record.header.size = static_cast<uint32_t>(sizeof(T) + payload.size());
    std::vector<std::byte> bytes(record.header.size);
    std::memcpy(bytes.data(), &record, sizeof(T));
    std::ranges::transform(payload, bytes.begin() + sizeof(T),
                           [](char c) { return static_cast<std::byte>(c); });
    ring.records.push_back(std::move(bytes));
  }
  void open(uint64_t connection, uint16_t family = AF_INET) {
    auto out = record<socket_opened_record>(RECORD_SOCKET_OPENED);
    out.process = {.start_boottime_ns = 1'000'000'000, .pid = kPid, .tid = kPid};
    out.connection = connection;
    out.local = {.ip = {127, 0, 0, 1}, .port = 80, .family = family, .reserved = 0};
    out.remote = {.ip = {127, 0, 0, 1}, .port = 999, .family = family, .reserved = 0};
    out.flags = SOCKET_OPENED_SERVER;
    put(*control_, out);
  }
  void close(uint64_t connection, uint64_t bytes_sent = 0) {
    auto out = record<socket_closed_record>(RECORD_SOCKET_CLOSED);
    out.connection = connection;
    out.bytes_sent = bytes_sent;
    put(*control_, out);
  }
  void data(uint64_t connection, bool sent, std::string_view payload) {
    auto out = record<socket_data_record>(RECORD_SOCKET_DATA);
    out.connection = connection;
    out.position =
        std::exchange(positions_[sent ? 1 : 0], positions_[sent ? 1 : 0] + payload.size());
    out.pid = out.tid = kPid;
    out.length = out.payload_size = static_cast<uint32_t>(payload.size());
    out.flags = sent ? SOCKET_DATA_SEND : 0;
    put(*data_, out, payload);
  }
  void request(uint64_t connection) { data(connection, false, kGet); }
  void response(uint64_t connection) { data(connection, true, kOk); }
  void exec(uint32_t pid) {
    auto out = record<process_exec_record>(RECORD_PROCESS_EXEC);
    out.process = {.start_boottime_ns = 1'000'000'000, .pid = pid, .tid = pid};
    out.parent_pid = 1;
    std::strcpy(out.comm, "server");
    put(*control_, out);
  }
  void exit(uint32_t pid) {
    auto out = record<process_exit_record>(RECORD_PROCESS_EXIT);
    out.process = {.start_boottime_ns = 1'000'000'000, .pid = pid, .tid = pid};
    put(*control_, out);
  }
  /// Every data record is somewhere, and each stage received what the one before it forwarded.
  void expect_balance(uint64_t records) const {
    EXPECT_EQ(ledger_.forwarded_total(Stage::kKernel), records);
    EXPECT_EQ(ledger_.received_total(Stage::kDecode), records);
    EXPECT_EQ(ledger_.held(Stage::kDecode), 0);
    EXPECT_EQ(ledger_.received_total(Stage::kTrack), ledger_.forwarded_total(Stage::kDecode));
    EXPECT_EQ(ledger_.received_total(Stage::kCorrelate), ledger_.forwarded_total(Stage::kMatch));
  }
  void expect_nothing_held() const {
    for (const Stage stage : {Stage::kDecode, Stage::kTrack, Stage::kMatch, Stage::kCorrelate}) {
      EXPECT_EQ(ledger_.held(stage), 0) << to_string(stage);
    }
  }

  Configuration configuration_;
  discovery::FakeHost host_;
  base::LedgerPage page_;
  base::Ledger ledger_{page_};
  processors::RecordingExchanges exchanges_;
  processors::RecordingConnections connections_;
  std::unique_ptr<Shard> shard_;
  FakeRing* control_ = nullptr;
  FakeRing* data_ = nullptr;
  uint64_t now_ns_ = 1'000'000'000;
  uint64_t positions_[2] = {1, 1};
};

TEST_F(ShardTest, MakesAnExchangeOfRecords) {
  make();
  open(1);
  request(1);
  response(1);
  EXPECT_EQ(shard_->drain(), 3U);
  EXPECT_EQ(shard_->drain(), 0U);
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].http.status, 200);
  EXPECT_EQ(exchanges_.finished[0].http.path, "/users/17");
  EXPECT_EQ(exchanges_.finished[0].process->service->name, "server");
  expect_balance(2);
  expect_nothing_held();
}

TEST_F(ShardTest, LooksAgainForAnOpeningThatCameAfterItsData) {
  make();
  request(1);
  response(1);
  data_->before_reading = [this] { open(1); };  // after the control ring was read
  shard_->drain();
  EXPECT_EQ(shard_->tracker().adopted_total(), 0U);
  EXPECT_EQ(connections_.opened, std::vector<model::ConnectionId>{1});
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].local.port, 80);
  expect_balance(2);
}

TEST_F(ShardTest, AdoptsAConnectionWhoseOpeningIsLost) {
  make();
  request(1);
  response(1);
  shard_->drain();
  EXPECT_EQ(shard_->tracker().adopted_total(), 1U);
  shard_->stop();
  EXPECT_EQ(exchanges_.finished.size(), 1U);
  expect_balance(2);
  expect_nothing_held();
}

TEST_F(ShardTest, ACloseDoesNotOvertakeTheDataOfItsConnection) {
  make();
  open(1);
  request(1);
  close(1, kOk.size());
  shard_->drain();
  EXPECT_TRUE(connections_.closed.empty());
  response(1);  // another CPU was still writing it
  shard_->drain();
  EXPECT_EQ(connections_.closed, std::vector<model::ConnectionId>{1});
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].end, model::ExchangeEnd::kComplete);
  expect_nothing_held();
}

TEST_F(ShardTest, EndsAreAppliedByTimeWhateverTheirOrderInTheRing) {
  make();
  open(1);
  open(2);
  close(1);
  close(2);
  std::swap(control_->records[2], control_->records[3]);
  shard_->drain();
  shard_->drain();
  EXPECT_EQ(connections_.closed, (std::vector<model::ConnectionId>{1, 2}));
}

TEST_F(ShardTest, AnExitDoesNotOvertakeTheDataOfAnAfUnixSocket) {
  make();
  open(1, AF_UNIX);
  request(1);
  exit(kPid);
  shard_->drain();
  EXPECT_TRUE(connections_.closed.empty());
  response(1);
  shard_->drain();
  EXPECT_EQ(connections_.closed, std::vector<model::ConnectionId>{1});
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].http.status, 200);
}

TEST_F(ShardTest, AProcessIsATargetFromItsExecToItsExit) {
  make(true);
  exec(kPid);
  shard_->drain();
  EXPECT_TRUE(shard_->targets()->is_target(kPid));
  EXPECT_TRUE(host_.targets.contains(kPid));
  exit(kPid);
  shard_->drain();
  shard_->drain();
  EXPECT_FALSE(shard_->targets()->is_target(kPid));
}

TEST_F(ShardTest, SkipsExactlyTheRecordThatEndedItsPredecessor) {
  page_.record_in_progress = 1;
  make();
  EXPECT_EQ(page_.record_in_progress, 0U);
  open(1);
  data(1, false, "this one was counted by the predecessor");
  positions_[0] = 1;
  request(1);
  response(1);
  shard_->drain();
  shard_->stop();
  EXPECT_EQ(exchanges_.finished.size(), 1U);
  expect_balance(2);
}

TEST_F(ShardTest, MarksTheRecordThatItWorksOn) {
  make();
  request(1);
  uint32_t mark = 0;
  // The control ring is read for the second time while the record of an unknown connection waits.
  data_->before_reading = [&] {
    control_->before_reading = [&] { mark = page_.record_in_progress; };
  };
  shard_->drain();
  EXPECT_EQ(mark, 1U);
  EXPECT_EQ(page_.record_in_progress, 0U);
}

TEST_F(ShardTest, MalformedRecordsAreCountedAndTheRestGoesOn) {
  make();
  open(1);
  control_->records.emplace_back(3, std::byte{0xFF});
  data_->records.emplace_back();
  data_->records.emplace_back(64, std::byte{0xFF});
  request(1);
  put(*data_, record<socket_opened_record>(RECORD_SOCKET_OPENED));  // of the other ring
  response(1);
  shard_->drain();
  EXPECT_EQ(ledger_.dropped_total(Stage::kDecode, DropReason::kMalformed), 3U);
  EXPECT_EQ(shard_->control_malformed_total(), 1U);
  expect_balance(5);
  shard_->stop();
  EXPECT_EQ(exchanges_.finished.size(), 1U);
  expect_nothing_held();
}

TEST_F(ShardTest, BytesOfNoProtocolAreDroppedAsUndetected) {
  make();
  open(1);
  data(1, false, "\x01\x02\x03\x04 nothing that anybody knows \r\n\r\n");
  close(1);
  shard_->drain();
  shard_->drain();
  EXPECT_EQ(ledger_.dropped_total(Stage::kTrack, DropReason::kUndetected), 1U);
  expect_balance(1);
  expect_nothing_held();
}

TEST_F(ShardTest, FinishedExchangesLeaveWithTheTick) {
  make();
  open(1);
  request(1);
  response(1);
  shard_->drain();
  EXPECT_TRUE(exchanges_.finished.empty());  // its other end may follow
  shard_->tick(now_ns_ + 1'000'000'000);
  EXPECT_EQ(exchanges_.finished.size(), 1U);
}

TEST_F(ShardTest, StopEndsEverything) {
  make();
  open(1);
  request(1);  // never answered
  open(2);
  positions_[0] = 1;
  request(2);
  response(2);
  open(3);
  close(3);
  shard_->drain();
  shard_->stop();
  EXPECT_EQ(connections_.closed, std::vector<model::ConnectionId>{3});  // a real end, not ours
  EXPECT_EQ(shard_->tracker().connections(), 0U);
  EXPECT_EQ(shard_->correlator().held(), 0U);
  EXPECT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.dropped.size(), 1U);
  EXPECT_EQ(ledger_.dropped_total(Stage::kMatch, DropReason::kShutdown), 1U);
  expect_balance(3);
  expect_nothing_held();
}

TEST_F(ShardTest, AReloadKeepsConnectionsAndRequests) {
  make();
  open(1);
  request(1);
  shard_->drain();
  configuration_.route_patterns = {"/users/{who}"};
  ASSERT_TRUE(shard_->reload(configuration_));
  response(1);
  shard_->drain();
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].end, model::ExchangeEnd::kComplete);
  EXPECT_EQ(exchanges_.finished[0].route, "/users/{who}");
  EXPECT_EQ(connections_.opened.size(), 1U);
}

TEST_F(ShardTest, AnImpossibleReloadChangesNothing) {
  configuration_.route_patterns = {"/users/{who}"};
  make();
  Configuration wrong;
  wrong.route_patterns = {"no path"};
  const auto reloaded = shard_->reload(wrong);
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().kind, base::Error::Kind::kInvalid);
  open(1);
  request(1);
  response(1);
  shard_->drain();
  shard_->stop();
  ASSERT_EQ(exchanges_.finished.size(), 1U);
  EXPECT_EQ(exchanges_.finished[0].route, "/users/{who}");
}

TEST_F(ShardTest, IsNotMadeWithARoutePatternThatIsNone) {
  configuration_.route_patterns = {"no path"};
  ShardParts parts;
  parts.control = std::make_unique<FakeRing>();
  parts.data = std::make_unique<FakeRing>();
  parts.processes = *discovery::ProcessTable::create({}, host_, host_.proc());
  EXPECT_FALSE(
      Shard::create(configuration_, std::move(parts), ledger_, {exchanges_, connections_}));
}

}  // namespace
}  // namespace hostlens::agent
