// SPDX-License-Identifier: Apache-2.0
#include "aggregators/connection_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "snapshot_reader.h"

namespace hostlens::aggregators {
namespace {

using model::CloseReason;
using model::SocketRole;
using processors::ConnectionFacts;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr char kOpened[] = "hostlens.connection.opened";
constexpr char kActive[] = "hostlens.connection.active";
constexpr char kFailed[] = "hostlens.connection.failed";
constexpr char kIo[] = "hostlens.connection.io";
constexpr char kConnect[] = "hostlens.tcp.connect.duration";
constexpr char kResets[] = "hostlens.tcp.resets";
constexpr char kRtt[] = "hostlens.tcp.rtt";

class ConnectionMetricsTest : public testing::Test {
 protected:
  explicit ConnectionMetricsTest(size_t limit = 2000)
      : aggregator_({.series_per_family = limit,
                     .series_idle_ns = 60 * kSecond,
                     .agent = process_of("hostlens")->service,
                     .start_unix_ns = 1}) {}

  ConnectionFacts client(uint16_t port = 5432) {
    ConnectionFacts facts;
    facts.connection = next_id_++;
    facts.role = SocketRole::kClient;
    facts.local = ipv4(10, 0, 0, 1, static_cast<uint16_t>(40000 + facts.connection));
    facts.remote = ipv4(203, 0, 113, 7, port);
    facts.process = process_;
    return facts;
  }
  ConnectionFacts server(model::SocketAddress peer) {
    ConnectionFacts facts = client();
    facts.role = SocketRole::kServer;
    facts.local = ipv4(10, 0, 0, 1, 80);
    facts.remote = peer;
    return facts;
  }
  SnapshotReader read() { return SnapshotReader(aggregator_.snapshot(now_, {})); }
  SnapshotReader read_after(uint64_t seconds) {
    now_ += seconds * kSecond;
    return read();
  }

  uint64_t now_ = base::monotonic_now_ns();
  uint64_t next_id_ = 1;
  std::shared_ptr<const model::Process> process_ = process_of("shop");
  MetricAggregator aggregator_;
};

constexpr char kClientSet[] =
    "hostlens.connection.role=client,network.transport=tcp,server.address=203.0.113.7,"
    "server.port=5432";
constexpr char kClientTcp[] =
    "hostlens.connection.role=client,server.address=203.0.113.7,server.port=5432";

TEST_F(ConnectionMetricsTest, LifeOfAClientConnection) {
  const ConnectionFacts first = client();
  const ConnectionFacts second = client();
  aggregator_.connection_opened(first, 500'000);
  aggregator_.connection_opened(second, 0);  // not measured
  aggregator_.connection_progress(
      first, {.bytes_sent = 100, .bytes_received = 7, .retransmits = 2, .srtt_us = 250});
  aggregator_.connection_progress(
      first, {.bytes_sent = 1, .bytes_received = 3, .retransmits = 1, .srtt_us = 0});
  aggregator_.connection_closed(first, CloseReason::kNormal);

  const SnapshotReader reader = read();
  EXPECT_EQ(reader.number(kOpened, kClientSet), 2);
  EXPECT_EQ(reader.number(kActive, kClientSet), 1);
  const std::string io = "hostlens.connection.role=client,network.io.direction=";
  const std::string rest = ",network.transport=tcp,server.address=203.0.113.7,server.port=5432";
  EXPECT_EQ(reader.number(kIo, io + "transmit" + rest), 101);
  EXPECT_EQ(reader.number(kIo, io + "receive" + rest), 10);
  EXPECT_EQ(reader.family(kIo)->points.size(), 2U);
  EXPECT_EQ(reader.number("hostlens.tcp.retransmits", kClientTcp), 3);
  const auto connect = reader.histogram(kConnect, kClientTcp);
  EXPECT_EQ(connect.count, 1U);
  EXPECT_DOUBLE_EQ(connect.sum, 0.0005);
  const auto rtt = reader.histogram(kRtt, kClientTcp);
  EXPECT_EQ(rtt.count, 1U);
  EXPECT_DOUBLE_EQ(rtt.max, 250e-6);
  EXPECT_THAT(reader.points(kResets), ElementsAre());
  EXPECT_EQ(reader.family(kActive)->kind, model::MetricKind::kUpDownCounter);
  EXPECT_EQ(reader.family(kIo)->unit, "By");
  EXPECT_EQ(reader.family(kOpened)->points[0].service, process_->service);
}

TEST_F(ConnectionMetricsTest, ResetsAreToldBySideAndReason) {
  using model::ResetReason;
  const auto close_by = [&](CloseReason reason, ResetReason why = ResetReason::kNone) {
    ConnectionFacts facts = client();
    aggregator_.connection_opened(facts, 0);
    facts.reset_reason = why;
    aggregator_.connection_closed(facts, reason);
  };
  close_by(CloseReason::kResetByUs, ResetReason::kUnreadData);
  close_by(CloseReason::kResetByUs);
  close_by(CloseReason::kResetByPeer, ResetReason::kWhileEstablished);
  close_by(CloseReason::kResetByPeer, ResetReason::kWhileHalfClosed);
  close_by(CloseReason::kResetByPeer, ResetReason::kWhileEstablished);
  close_by(CloseReason::kTimeout);
  close_by(CloseReason::kNormal);
  const SnapshotReader reader = read();
  const auto resets = [&](const std::string& reason, const std::string& side) {
    return reader.number(kResets, "hostlens.connection.role=client,reason=" + reason +
                                      ",server.address=203.0.113.7,server.port=5432,side=" + side);
  };
  EXPECT_EQ(resets("unread_data", "sent"), 1);
  EXPECT_EQ(resets("other", "sent"), 1);
  EXPECT_EQ(resets("established", "received"), 2);
  EXPECT_EQ(resets("half_closed", "received"), 1);
  EXPECT_EQ(reader.points(kResets).size(), 4U);
  EXPECT_EQ(reader.number(kActive, kClientSet), 0);
}

TEST_F(ConnectionMetricsTest, AServersPeersAreLabelsOnlyWhenTheyAreNear) {
  using model::AddressFamily;
  const auto open_from = [&](model::SocketAddress peer) {
    aggregator_.connection_opened(server(peer), 0);
  };
  for (uint16_t port = 1; port <= 20; ++port) open_from(ipv4(127, 0, 0, 1, port));
  open_from(ipv4(192, 168, 1, 9, 1000));
  for (uint8_t i = 0; i < 20; ++i) open_from(ipv4(8, 8, i, i, 2000));
  open_from({AddressFamily::kIpv6, 9, {0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}});
  open_from({AddressFamily::kIpv6, 9, {0x20, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}});
  const SnapshotReader reader = read();
  const std::string rest = "hostlens.connection.role=server,network.transport=tcp,server.port=80";
  EXPECT_THAT(reader.points(kOpened), UnorderedElementsAre("client.address=127.0.0.1," + rest,
                                                           "client.address=192.168.1.9," + rest,
                                                           "client.address=fd00::1," + rest, rest));
  EXPECT_EQ(reader.number(kOpened, "client.address=127.0.0.1," + rest), 20);
  EXPECT_EQ(reader.number(kOpened, rest), 21);
}

TEST_F(ConnectionMetricsTest, PrivateNetworksAreKnown) {
  for (const auto& address :
       {ipv4(10, 255, 0, 1, 0), ipv4(172, 16, 0, 1, 0), ipv4(172, 31, 0, 1, 0),
        ipv4(192, 168, 0, 1, 0), ipv4(169, 254, 0, 1, 0), ipv4(100, 64, 0, 1, 0),
        ipv4(127, 8, 0, 1, 0)}) {
    EXPECT_TRUE(is_private(address)) << address.text();
  }
  for (const auto& address : {ipv4(11, 0, 0, 1, 0), ipv4(172, 32, 0, 1, 0), ipv4(192, 169, 0, 1, 0),
                              ipv4(100, 128, 0, 1, 0), ipv4(100, 63, 0, 1, 0)}) {
    EXPECT_FALSE(is_private(address)) << address.text();
  }
  EXPECT_FALSE(is_private({}));
}

TEST_F(ConnectionMetricsTest, FoundMidLifeIsActiveButWasNotOpenedAndMovesWithItsRole) {
  ConnectionFacts facts = client();
  facts.mid_life = true;
  facts.role = SocketRole::kUnknown;
  aggregator_.connection_opened(facts, 0);
  constexpr char kUnknown[] = "hostlens.connection.role=unknown,network.transport=tcp";
  {
    const SnapshotReader reader = read();
    EXPECT_THAT(reader.points(kActive), ElementsAre(kUnknown));
    EXPECT_EQ(reader.number(kActive, kUnknown), 1);
    EXPECT_EQ(reader.number(kOpened, kUnknown), 0);
  }
  facts.role = SocketRole::kClient;
  aggregator_.connection_progress(facts, {.bytes_sent = 5});
  {
    const SnapshotReader reader = read_after(1);
    EXPECT_EQ(reader.number(kActive, kUnknown), 0);
    EXPECT_EQ(reader.number(kActive, kClientSet), 1);
  }
  aggregator_.connection_closed(facts, CloseReason::kNormal);
  aggregator_.connection_closed(facts, CloseReason::kNormal);  // told twice: once is right
  EXPECT_EQ(read_after(1).number(kActive, kClientSet), 0);
}

TEST_F(ConnectionMetricsTest, UnixSocketsHaveNoTcpMetrics) {
  ConnectionFacts facts = client();
  facts.local = {model::AddressFamily::kUnix, 0, {}};
  facts.remote = {model::AddressFamily::kUnix, 0, {}};
  aggregator_.connection_opened(facts, 0);
  aggregator_.connection_progress(facts, {.bytes_sent = 10});
  const SnapshotReader reader = read();
  EXPECT_THAT(reader.points(kOpened),
              ElementsAre("hostlens.connection.role=client,network.transport=unix"));
  for (const char* tcp : {kConnect, kResets, kRtt, "hostlens.tcp.retransmits"}) {
    EXPECT_EQ(reader.family(tcp), nullptr) << tcp;
  }
  EXPECT_EQ(reader.number(kIo,
                          "hostlens.connection.role=client,network.io.direction=transmit,"
                          "network.transport=unix"),
            10);
}

TEST_F(ConnectionMetricsTest, FailedConnectsCarryTheErrorInCountAndDuration) {
  const auto fail = [&](int32_t error, uint64_t latency_ns) {
    model::ConnectFailed failure;
    failure.remote = ipv4(203, 0, 113, 7, 5432);
    failure.errno_value = error;
    failure.latency_ns = latency_ns;
    aggregator_.connect_failed(process_, failure);
  };
  fail(ECONNREFUSED, 1'000'000);
  fail(ECONNREFUSED, 3'000'000);
  fail(ETIMEDOUT, 0);
  fail(0, 0);
  fail(4711, 0);
  aggregator_.connection_opened(client(), 2'000'000);
  const SnapshotReader reader = read();
  EXPECT_EQ(reader.number(kFailed, std::string("error.type=ECONNREFUSED,") + kClientSet), 2);
  EXPECT_EQ(reader.number(kFailed, std::string("error.type=ETIMEDOUT,") + kClientSet), 1);
  EXPECT_EQ(reader.number(kFailed, std::string("error.type=_OTHER,") + kClientSet), 2);
  EXPECT_EQ(reader.family(kFailed)->points.size(), 3U);
  EXPECT_THAT(
      reader.points(kConnect),
      UnorderedElementsAre(kClientTcp, std::string("error.type=ECONNREFUSED,") + kClientTcp));
  const auto refused =
      reader.histogram(kConnect, std::string("error.type=ECONNREFUSED,") + kClientTcp);
  EXPECT_EQ(refused.count, 2U);
  EXPECT_DOUBLE_EQ(refused.sum, 0.004);
}

TEST_F(ConnectionMetricsTest, ActiveConnectionsNeverExpire) {
  const ConnectionFacts facts = client();
  aggregator_.connection_opened(facts, 1000);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read_after(100).number(kActive, kClientSet), 1);
  EXPECT_EQ(read().family(kConnect), nullptr) << "nothing new for 500 s";
  aggregator_.connection_closed(facts, CloseReason::kNormal);
  EXPECT_EQ(read_after(1).number(kActive, kClientSet), 0);
  EXPECT_EQ(read_after(60).family(kActive), nullptr);
}

class ConnectionMetricsLimitTest : public ConnectionMetricsTest {
 protected:
  ConnectionMetricsLimitTest() : ConnectionMetricsTest(4) {}
};

TEST_F(ConnectionMetricsLimitTest, NoFamilyExceedsTheLimitAndTheOverflowSeriesBalances) {
  std::vector<ConnectionFacts> open;
  for (uint16_t port = 1; port <= 50; ++port) {
    open.push_back(client(port));
    aggregator_.connection_opened(open.back(), 1000);
    aggregator_.connection_progress(open.back(),
                                    {.bytes_sent = 2, .bytes_received = 1, .srtt_us = 9});
    model::ConnectFailed failure;
    failure.remote = open.back().remote;
    failure.errno_value = ECONNREFUSED;
    failure.latency_ns = 1000;
    aggregator_.connect_failed(process_, failure);
    ConnectionFacts reset = open.back();
    reset.connection = next_id_++;
    aggregator_.connection_closed(reset, CloseReason::kResetByPeer);
  }
  constexpr char kOverflow[] = "otel.metric.overflow=true";
  {
    const SnapshotReader reader = read();
    for (const char* name : {kOpened, kActive, kFailed, kIo, kConnect, kResets, kRtt}) {
      EXPECT_LE(reader.points(name).size(), 5U) << name;
      EXPECT_NE(reader.point(name, kOverflow), nullptr) << name;
    }
    EXPECT_EQ(reader.number(kOpened, kOverflow), 48);
    EXPECT_EQ(reader.number(kIo, kOverflow), 48 * 3);
    EXPECT_EQ(reader.number(kActive, kOverflow), 48);
    EXPECT_EQ(reader.point(kActive, kOverflow)->service, nullptr);
    EXPECT_EQ(reader.number("hostlens.agent.metric.series", std::string("family=") + kIo), 4);
    EXPECT_GT(
        reader.number("hostlens.agent.metric.series.overflows", std::string("family=") + kOpened),
        0);
  }
  for (const ConnectionFacts& facts : open) {
    aggregator_.connection_closed(facts, CloseReason::kNormal);
  }
  const SnapshotReader reader = read_after(1);
  for (const auto& point : reader.family(kActive)->points) {
    EXPECT_EQ(std::get<int64_t>(point.value), 0) << text_of(point.attributes);
  }
}

}  // namespace
}  // namespace hostlens::aggregators
