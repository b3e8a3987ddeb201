// SPDX-License-Identifier: Apache-2.0
#include "processors/connection_tracker.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "protocols/http1/http1_parser.h"
#include "unit/processors/test_sinks.h"

namespace hostlens::processors {
namespace {

using base::DropReason;
using base::Stage;
using model::Direction;
using model::SocketRole;
using Outcome = ConnectionTracker::DataOutcome;

constexpr std::string_view kGet = "GET /users/17?key=secret HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr uint64_t kSecond = 1'000'000'000;

ConnectionTrackerSettings settings() {
  static const protocols::ProtocolEntry kTable[] = {protocols::http1::http1_protocol()};
  ConnectionTrackerSettings settings;
  settings.protocols = kTable;
  settings.max_connections = 4;
  return settings;
}

class ConnectionTrackerTest : public testing::Test {
 protected:
  void open(model::ConnectionId id, SocketRole role = SocketRole::kServer,
            model::AddressFamily family = model::AddressFamily::kIpv4) {
    model::SocketOpened event;
    event.time_ns = now_ns;
    event.connection = id;
    event.process.pid = 100;
    event.role = role;
    event.local = {family, 80, {127, 0, 0, 1}};
    event.remote = {family, 999, {127, 0, 0, 1}};
    event.connect_latency_ns = 77;
    tracker.on_control(event);
  }
  void close(model::ConnectionId id, uint64_t bytes_sent = 0, uint32_t retransmits = 0) {
    model::SocketClosed event;
    event.time_ns = now_ns += 1000;
    event.connection = id;
    event.bytes_sent = bytes_sent;
    event.retransmits = retransmits;
    tracker.on_control(event);
  }
  model::SocketData data(model::ConnectionId id, Direction direction, std::string_view bytes) {
    model::SocketData event;
    event.time_ns = now_ns += 1000;
    event.connection = id;
    event.pid = 100;
    event.tid = 101;
    event.direction = direction;
    event.position = positions[direction == Direction::kSend ? 1 : 0];
    event.length = bytes.size();
    event.payload = {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
    positions[direction == Direction::kSend ? 1 : 0] += bytes.size();
    return event;
  }
  void receive(model::ConnectionId id, std::string_view bytes) {
    EXPECT_EQ(tracker.on_data(data(id, Direction::kReceive, bytes)), Outcome::kOk);
  }
  void send(model::ConnectionId id, std::string_view bytes) {
    EXPECT_EQ(tracker.on_data(data(id, Direction::kSend, bytes)), Outcome::kOk);
  }
  void expect_balance() {
    EXPECT_EQ(ledger.held(Stage::kTrack), 0);
    EXPECT_EQ(ledger.held(Stage::kMatch), 0);
  }

  base::LedgerPage page;
  base::Ledger ledger{page};
  EveryProcess processes;
  RecordingExchanges exchanges;
  RecordingConnections connections;
  model::ExchangePool pool;
  ConnectionTracker tracker{
      settings(), *RouteTemplater::create({}), ledger, processes, pool, exchanges, connections};
  uint64_t now_ns = kSecond;
  uint64_t positions[2] = {1, 1};
};

TEST_F(ConnectionTrackerTest, CompletesExchangesWithIdentityRouteAndRedaction) {
  open(1);
  receive(1, kGet);
  ASSERT_EQ(exchanges.started.size(), 1U);
  send(1, kOk);
  ASSERT_EQ(exchanges.finished.size(), 1U);
  const model::Exchange& exchange = exchanges.finished[0];
  EXPECT_EQ(exchange.id, exchanges.started[0]);
  EXPECT_EQ(exchange.connection, 1U);
  EXPECT_EQ(exchange.local.port, 80);
  EXPECT_EQ(exchange.remote.port, 999);
  EXPECT_EQ(exchange.process->service->name, "service-100");
  EXPECT_EQ(exchange.side, model::Side::kServer);
  EXPECT_EQ(exchange.route, "/users/{id}");
  EXPECT_EQ(exchange.http.path, "/users/17");
  EXPECT_EQ(exchange.http.query, "");
  EXPECT_EQ(ledger.forwarded_total(Stage::kTrack), 2U);
  EXPECT_EQ(ledger.forwarded_total(Stage::kMatch), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, LearnsTheSideFromWhoSendsRequests) {
  open(1, SocketRole::kUnknown);
  send(1, kGet);
  receive(1, kOk);
  ASSERT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(exchanges.finished[0].side, model::Side::kClient);
  EXPECT_EQ(exchanges.finished[0].route, "") << "a client does not know the server's routes";
}

TEST_F(ConnectionTrackerTest, DetectsRequestsThatComeByteByByte) {
  open(1);
  for (const char& byte : kGet) receive(1, {&byte, 1});
  EXPECT_EQ(ledger.held(Stage::kTrack), 0);
  send(1, kOk);
  ASSERT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(exchanges.finished[0].http.path, "/users/17");
  EXPECT_EQ(exchanges.finished[0].request_position, 1U);
  EXPECT_EQ(exchanges.finished[0].request_start_ns, kSecond + 1000);
}

TEST_F(ConnectionTrackerTest, CountsBytesOfNoKnownProtocol) {
  open(1);
  for (int i = 0; i < 100; ++i) {
    receive(1, "\x16\x03\x01 binary");
    send(1, "\x17 more");
  }
  EXPECT_EQ(ledger.dropped_total(Stage::kTrack, DropReason::kUndetected), 200U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, RevisesItsVerdictWhenHttpComesAfterAll) {
  open(1);
  for (int i = 0; i < 100; ++i) {
    receive(1, "\x16 binary");
    send(1, "\x17 more");
  }
  for (int i = 0; i < 40; ++i) {
    receive(1, kGet);
    send(1, kOk);
  }
  EXPECT_GE(exchanges.finished.size(), 8U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, LetsAWrongGuessGo) {
  open(1);
  receive(1, "SET /key value\r\n");
  send(1, "+OK\r\n");
  EXPECT_TRUE(exchanges.finished.empty());
  receive(1, kGet);
  send(1, kOk);
  EXPECT_EQ(exchanges.finished.size(), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, TurnsAHoleInPositionsIntoACountedLoss) {
  open(1);
  receive(1, kGet);
  send(1, kOk);
  receive(1, kGet);
  positions[1] += 10;
  send(1, "00 OK\r\n\r\n");
  EXPECT_EQ(ledger.dropped_total(Stage::kMatch, DropReason::kGap), 1U);
  EXPECT_EQ(exchanges.dropped.size(), 1U);
  receive(1, kGet);
  send(1, kOk);
  EXPECT_EQ(exchanges.finished.size(), 2U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, IgnoresBytesThatItHasSeen) {
  open(1);
  receive(1, kGet);
  model::SocketData again = data(1, Direction::kReceive, "");
  again.position = 1;
  again.length = kGet.size();
  again.payload = {reinterpret_cast<const std::byte*>(kGet.data()), kGet.size()};
  EXPECT_EQ(tracker.on_data(again), Outcome::kOk);
  send(1, kOk);
  EXPECT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(ledger.dropped_total(Stage::kTrack, DropReason::kGap), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, TellsALostEndFromAnAbort) {
  open(1);
  receive(1, kGet);
  send(1, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  close(1, positions[1] - 1 + 100);
  EXPECT_TRUE(exchanges.finished.empty());
  EXPECT_EQ(ledger.dropped_total(Stage::kMatch, DropReason::kGap), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, AdoptsDataWhoseOpeningWasLost) {
  const model::SocketData request = data(9, Direction::kReceive, kGet);
  EXPECT_EQ(tracker.on_data(request), Outcome::kUnknownConnection);
  EXPECT_EQ(ledger.received_total(Stage::kTrack), 0U);
  tracker.on_orphan_data(request);
  send(9, kOk);
  ASSERT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(exchanges.finished[0].remote.family, model::AddressFamily::kUnknown);
  EXPECT_TRUE(connections.opened.empty());
  close(9);
  EXPECT_TRUE(connections.closed.empty());
  EXPECT_EQ(tracker.adopted_total(), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, LetsTheIdlestGoAtTheLimit) {
  for (model::ConnectionId id = 1; id <= 4; ++id) open(id);
  receive(1, kGet);
  open(5);
  EXPECT_EQ(connections.closed, std::vector<model::ConnectionId>{2});
  for (model::ConnectionId id = 6; id <= 9; ++id) open(id);
  EXPECT_EQ(tracker.connections(), 4U);
  EXPECT_EQ(tracker.evicted_total(), 5U);
  EXPECT_EQ(ledger.dropped_total(Stage::kMatch, DropReason::kTrackLimit), 1U);
  tracker.on_orphan_data(data(77, Direction::kReceive, kGet));
  EXPECT_EQ(ledger.dropped_total(Stage::kTrack, DropReason::kTrackLimit), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, ReportsTheLifeOfAConnection) {
  open(1);
  EXPECT_EQ(connections.latency_ns, 77U);
  receive(1, kGet);
  tracker.tick(2 * kSecond);
  ASSERT_EQ(connections.progress.size(), 1U);
  EXPECT_EQ(connections.progress[0].bytes_received, kGet.size());
  tracker.tick(2 * kSecond + 500'000'000);
  EXPECT_EQ(connections.progress.size(), 1U) << "once per second at most";
  send(1, kOk);
  close(1);
  ASSERT_EQ(connections.progress.size(), 2U);
  EXPECT_EQ(connections.progress[1].bytes_received, 0U);
  EXPECT_EQ(connections.progress[1].bytes_sent, kOk.size());
  EXPECT_EQ(connections.closed.size(), 1U);
  EXPECT_EQ(tracker.connections(), 0U);
}

// A kernel sends again long after close(2), when nobody uses the socket any more.
TEST_F(ConnectionTrackerTest, CountsWhatIsSentAgainAfterTheLastProgress) {
  open(1);
  model::SocketData sent = data(1, Direction::kSend, kOk);
  sent.retransmits = 2;
  EXPECT_EQ(tracker.on_data(sent), Outcome::kOk);
  tracker.tick(now_ns += 2 * kSecond);
  ASSERT_EQ(connections.progress.size(), 1U);
  EXPECT_EQ(connections.progress[0].retransmits, 2U);
  close(1, 0, 5);
  ASSERT_EQ(connections.progress.size(), 2U);
  EXPECT_EQ(connections.progress[1].retransmits, 3U);
  EXPECT_EQ(connections.progress[1].bytes_sent, 0U);
}

TEST_F(ConnectionTrackerTest, ClosesUnixConnectionsWithTheirProcess) {
  open(1, SocketRole::kServer, model::AddressFamily::kUnix);
  open(2);
  receive(1, kGet);
  tracker.on_control(model::ProcessExit{now_ns, {100, 0}, 0});
  EXPECT_EQ(connections.closed, std::vector<model::ConnectionId>{1});
  ASSERT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(exchanges.finished[0].end, model::ExchangeEnd::kClosedByServer);
}

TEST_F(ConnectionTrackerTest, ForgetsIdleUnixConnections) {
  open(1, SocketRole::kServer, model::AddressFamily::kUnix);
  open(2);
  tracker.tick(now_ns + settings().unix_idle_ns + kSecond);
  EXPECT_EQ(connections.closed, std::vector<model::ConnectionId>{1});
}

TEST_F(ConnectionTrackerTest, NamesTheProcessThatUsesTheSocket) {
  open(1);
  model::SocketData request = data(1, Direction::kReceive, kGet);
  request.pid = 200;
  EXPECT_EQ(tracker.on_data(request), Outcome::kOk);
  send(1, kOk);
  EXPECT_EQ(exchanges.finished[0].process->key.pid, 200U)
      << "accepted by a parent, served by a child";
}

TEST_F(ConnectionTrackerTest, LearnsNoRouteFromPathsThatDoNotExist) {
  open(1);
  receive(1, "GET /wp-login.php HTTP/1.1\r\n\r\n");
  send(1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(exchanges.finished.size(), 1U);
  EXPECT_EQ(exchanges.finished[0].route, "");
}

TEST_F(ConnectionTrackerTest, BalancesWhenItIsStopped) {
  open(1);
  open(2);
  receive(1, kGet);
  receive(2, "GE");
  EXPECT_EQ(ledger.held(Stage::kTrack), 1);
  tracker.stop();
  EXPECT_EQ(ledger.dropped_total(Stage::kMatch, DropReason::kShutdown), 1U);
  EXPECT_EQ(ledger.dropped_total(Stage::kTrack, DropReason::kShutdown), 1U);
  expect_balance();
}

TEST_F(ConnectionTrackerTest, PassesFailedConnectsOn) {
  tracker.on_control(model::ConnectFailed{now_ns, {55, 0}, {}, 111, 0});
  EXPECT_EQ(connections.failed, std::vector<uint32_t>{55});
}

}  // namespace
}  // namespace hostlens::processors
