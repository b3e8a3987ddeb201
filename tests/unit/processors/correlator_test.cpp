// SPDX-License-Identifier: Apache-2.0
#include "processors/correlator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "unit/processors/test_sinks.h"

namespace hostlens::processors {
namespace {

using base::Stage;
using model::Side;
using model::SpanId;

constexpr uint64_t kMs = 1'000'000;

class CorrelatorTest : public testing::Test {
 protected:
  static CorrelatorSettings settings() {
    CorrelatorSettings settings;
    settings.seed = {1, 2, 3, 4};
    return settings;
  }

  /// One end of a request between client port `port` and server port 80.
  model::Exchange begin(Side side, uint16_t port, uint32_t tid, uint64_t position = 1) {
    model::Exchange exchange;
    exchange.id = ++last_id;
    exchange.side = side;
    const model::SocketAddress client{model::AddressFamily::kIpv4, port, {127, 0, 0, 1}};
    const model::SocketAddress server{model::AddressFamily::kIpv4, 80, {127, 0, 0, 1}};
    exchange.local = side == Side::kClient ? client : server;
    exchange.remote = side == Side::kClient ? server : client;
    exchange.network_namespace = 5;
    exchange.request_position = position;
    exchange.request_tid = exchange.response_tid = tid;
    exchange.request_start_ns = now_ns += kMs;
    return exchange;
  }
  model::Exchange start(Side side, uint16_t port, uint32_t tid, uint64_t position = 1) {
    model::Exchange exchange = begin(side, port, tid, position);
    correlator.request_started(exchange);
    return exchange;
  }
  void finish(model::Exchange exchange) {
    exchange.end_ns = now_ns += kMs;
    correlator.exchange_finished(own(std::move(exchange)));
  }
  const model::Exchange& result(uint64_t id) {
    for (const model::Exchange& exchange : sink.finished) {
      if (exchange.id == id) return exchange;
    }
    ADD_FAILURE() << "exchange " << id << " did not leave";
    static const model::Exchange kNone;
    return kNone;
  }
  void expect_child(const model::Exchange& child, const model::Exchange& parent) {
    EXPECT_EQ(result(child.id).context.trace_id, result(parent.id).context.trace_id);
    EXPECT_EQ(result(child.id).parent_span_id, result(parent.id).context.span_id);
  }
  void expect_root(const model::Exchange& exchange) {
    EXPECT_TRUE(result(exchange.id).context.valid());
    EXPECT_EQ(result(exchange.id).parent_span_id, SpanId{});
  }
  void settle() { correlator.tick(now_ns += 1000 * kMs); }

  base::LedgerPage page;
  base::Ledger ledger{page};
  RecordingExchanges sink;
  Correlator correlator{settings(), ledger, sink};
  uint64_t last_id = 0;
  uint64_t now_ns = 1000 * kMs;
};

TEST_F(CorrelatorTest, HoldsAFinishedExchangeUntilItHasSettled) {
  const auto a = start(Side::kServer, 1000, 1);
  finish(a);
  EXPECT_TRUE(sink.finished.empty());
  EXPECT_EQ(ledger.held(Stage::kCorrelate), 1);
  correlator.tick(now_ns + settings().settle_ns - 1);
  EXPECT_TRUE(sink.finished.empty());
  correlator.tick(now_ns + settings().settle_ns);
  expect_root(a);
  EXPECT_EQ(ledger.held(Stage::kCorrelate), 0);
  EXPECT_EQ(correlator.tracked(), 0U);
}

TEST_F(CorrelatorTest, HonoursAnIncomingTraceparent) {
  auto a = begin(Side::kServer, 1000, 1);
  a.incoming.trace_id = {0xAA};
  a.incoming.span_id = {0xBB};
  a.incoming.trace_state = "k=v";
  correlator.request_started(a);
  finish(a);
  settle();
  EXPECT_EQ(result(a.id).context.trace_id, (model::TraceId{0xAA}));
  EXPECT_EQ(result(a.id).parent_span_id, (SpanId{0xBB}));
  EXPECT_EQ(result(a.id).context.flags, 0) << "the sender's decision";
  EXPECT_EQ(result(a.id).context.trace_state, "k=v");
  EXPECT_NE(result(a.id).context.span_id, (SpanId{0xBB}));
}

TEST_F(CorrelatorTest, MakesACallOfTheServingThreadAChild) {
  const auto server = start(Side::kServer, 1000, 7);
  const auto call = start(Side::kClient, 2000, 7);
  finish(call);
  finish(server);
  settle();
  expect_child(call, server);
  expect_root(server);
}

TEST_F(CorrelatorTest, LeavesACallBeforeAndAfterTheRequestAlone) {
  const auto before = start(Side::kClient, 2000, 7);
  finish(before);
  const auto server = start(Side::kServer, 1000, 7);
  finish(server);
  const auto after = start(Side::kClient, 2000, 7, 9);
  finish(after);
  settle();
  expect_root(before);
  expect_root(after);
}

TEST_F(CorrelatorTest, LeavesAnAmbiguousParentOutAndCounts) {
  const auto one = start(Side::kServer, 1000, 7);
  const auto two = start(Side::kServer, 1001, 7);
  const auto call = start(Side::kClient, 2000, 7);
  finish(one);
  const auto certain = start(Side::kClient, 2001, 7);
  for (const auto& exchange : {call, certain, two}) finish(exchange);
  settle();
  expect_root(call);
  expect_child(certain, two);
  EXPECT_EQ(correlator.ambiguous_total(), 1U);
}

TEST_F(CorrelatorTest, DoesNotGuessAcrossThreads) {
  const auto server = start(Side::kServer, 1000, 7);
  const auto call = start(Side::kClient, 2000, 8);
  finish(call);
  finish(server);
  settle();
  expect_root(call);
}

TEST_F(CorrelatorTest, TakesAGuessBackWhenTheRequestWasHandedOver) {
  auto server = start(Side::kServer, 1000, 7);
  const auto call = start(Side::kClient, 2000, 7);
  finish(call);
  server.response_tid = 8;
  finish(server);
  settle();
  expect_root(call);
  EXPECT_NE(result(call.id).context.trace_id, result(server.id).context.trace_id);
}

TEST_F(CorrelatorTest, JoinsBothEndsWhicheverIsSeenFirst) {
  const auto client = start(Side::kClient, 2000, 1, 100);
  const auto server = start(Side::kServer, 2000, 2, (uint64_t{7} << 32U) + 100);
  finish(server);
  finish(client);
  const auto late_server = start(Side::kServer, 2001, 2, 500);
  const auto late_client = start(Side::kClient, 2001, 1, 500);
  finish(late_server);
  finish(late_client);
  settle();
  expect_child(server, client);
  expect_child(late_server, late_client);
}

TEST_F(CorrelatorTest, JoinsAnEndThatIsSeenAfterTheOtherHasEnded) {
  const auto server = start(Side::kServer, 2000, 2);
  finish(server);
  const auto client = start(Side::kClient, 2000, 1);
  finish(client);
  settle();
  expect_child(server, client);
}

TEST_F(CorrelatorTest, DoesNotJoinOtherRequestsOfTheConnectionOrOtherNamespaces) {
  const auto client = start(Side::kClient, 2000, 1, 100);
  const auto other = start(Side::kServer, 2000, 2, 101);
  auto elsewhere = begin(Side::kServer, 2000, 3, 100);
  elsewhere.network_namespace = 6;
  correlator.request_started(elsewhere);
  for (const auto& exchange : {client, other, elsewhere}) finish(exchange);
  settle();
  expect_root(other);
  expect_root(elsewhere);
}

TEST_F(CorrelatorTest, DoesNotJoinWhenTheSamePositionComesBackLater) {
  const auto client = start(Side::kClient, 2000, 1, 100);
  finish(client);
  now_ns += 150 * kMs;
  const auto server = start(Side::kServer, 2000, 2, 100);
  finish(server);
  settle();
  expect_root(server);
}

TEST_F(CorrelatorTest, JoinsUnixSocketsByIdentity) {
  auto client = begin(Side::kClient, 0, 1);
  auto server = begin(Side::kServer, 0, 2);
  client.local.family = client.remote.family = model::AddressFamily::kUnix;
  server.local.family = server.remote.family = model::AddressFamily::kUnix;
  client.socket_identity = server.peer_identity = 11;
  client.peer_identity = server.socket_identity = 22;
  correlator.request_started(client);
  correlator.request_started(server);
  finish(server);
  finish(client);
  settle();
  expect_child(server, client);
}

TEST_F(CorrelatorTest, MakesOneTraceOfAChainWhateverTheOrder) {
  // front (thread 1) -> call -> back (thread 2) -> call -> database
  auto front = begin(Side::kServer, 1000, 1);
  auto call = begin(Side::kClient, 2000, 1);
  auto back = begin(Side::kServer, 2000, 2);
  auto deep_call = begin(Side::kClient, 3000, 2);
  auto deep = begin(Side::kServer, 3000, 3);
  // Calls follow their server requests, being of one thread; everything else may change places.
  std::vector<model::Exchange*> orders[] = {{&front, &call, &back, &deep_call, &deep},
                                            {&back, &deep_call, &deep, &front, &call},
                                            {&deep, &back, &front, &deep_call, &call}};
  for (auto& order : orders) {
    sink.finished.clear();
    for (auto* exchange : order) correlator.request_started(*exchange);
    for (const auto* exchange : {&deep, &deep_call, &back, &call, &front}) finish(*exchange);
    settle();
    expect_root(front);
    expect_child(call, front);
    expect_child(back, call);
    expect_child(deep_call, back);
    expect_child(deep, deep_call);
  }
}

TEST_F(CorrelatorTest, KeepsATraceIdThatHasLeft) {
  // The call ends and leaves long before the request that it serves; then the client end turns up.
  const auto front = start(Side::kServer, 1000, 1);
  const auto call = start(Side::kClient, 2000, 1);
  finish(call);
  settle();
  const auto browser = begin(Side::kClient, 1000, 9);
  auto early = browser;
  early.request_start_ns = front.request_start_ns;
  correlator.request_started(early);
  finish(front);
  finish(early);
  settle();
  EXPECT_EQ(result(call.id).parent_span_id, result(front.id).context.span_id);
  expect_child(front, early);
  EXPECT_EQ(result(call.id).context.trace_id, result(early.id).context.trace_id);
}

TEST_F(CorrelatorTest, GivesTheTraceOfTheApplicationToBothEnds) {
  auto client = begin(Side::kClient, 2000, 1);
  client.incoming.trace_id = {0xAA};
  client.incoming.span_id = {0xBB};
  auto server = begin(Side::kServer, 2000, 2);
  server.incoming = client.incoming;
  correlator.request_started(client);
  correlator.request_started(server);
  finish(server);
  finish(client);
  settle();
  for (const auto& exchange : {client, server}) {
    EXPECT_EQ(result(exchange.id).context.trace_id, (model::TraceId{0xAA}));
  }
  EXPECT_EQ(result(client.id).parent_span_id, (SpanId{0xBB}));
  EXPECT_EQ(result(server.id).parent_span_id, result(client.id).context.span_id);
}

TEST_F(CorrelatorTest, KeepsTheShapeOfCallsThatPassATraceparentOn) {
  auto server = begin(Side::kServer, 1000, 7);
  server.incoming.trace_id = {0xAA};
  server.incoming.span_id = {0xBB};
  auto call = begin(Side::kClient, 2000, 7);
  call.incoming = server.incoming;
  correlator.request_started(server);
  correlator.request_started(call);
  finish(call);
  finish(server);
  settle();
  EXPECT_EQ(result(server.id).parent_span_id, (SpanId{0xBB}));
  EXPECT_EQ(result(call.id).parent_span_id, result(server.id).context.span_id);
  EXPECT_EQ(result(call.id).context.trace_id, (model::TraceId{0xAA}));
}

TEST_F(CorrelatorTest, BelievesATraceparentThatTheServingThreadMadeItself) {
  auto server = begin(Side::kServer, 1000, 7);
  server.incoming.trace_id = {0xAA};
  server.incoming.span_id = {0xBB};
  auto call = begin(Side::kClient, 2000, 7);
  call.incoming.trace_id = {0xAA};
  call.incoming.span_id = {0xCC};
  correlator.request_started(server);
  correlator.request_started(call);
  finish(call);
  finish(server);
  settle();
  EXPECT_EQ(result(call.id).parent_span_id, (SpanId{0xCC}));
}

TEST_F(CorrelatorTest, NamesNoParentThatWillNeverLeave) {
  auto server = start(Side::kServer, 1000, 7);
  auto call = start(Side::kClient, 2000, 7);
  correlator.exchange_dropped(server);
  finish(call);
  settle();
  expect_root(call);
  EXPECT_EQ(sink.dropped.size(), 1U);
  EXPECT_EQ(correlator.tracked(), 0U);
}

TEST(CorrelatorLimitsTest, LetsExchangesLeaveEarlyRatherThanDropThem) {
  base::LedgerPage page;
  const base::Ledger ledger(page);
  RecordingExchanges sink;
  CorrelatorSettings settings;
  settings.max_held = 10;
  settings.max_tracked = 5;
  Correlator correlator(settings, ledger, sink);
  std::vector<model::Exchange> open(100);
  for (model::Exchange& exchange : open) correlator.request_started(exchange);
  EXPECT_EQ(correlator.tracked(), 5U);
  for (model::Exchange& exchange : open) correlator.exchange_finished(own(std::move(exchange)));
  EXPECT_EQ(correlator.held(), 10U);
  correlator.flush();
  ASSERT_EQ(sink.finished.size(), 100U);
  for (const auto& exchange : sink.finished) EXPECT_TRUE(exchange.context.valid());
  EXPECT_EQ(ledger.forwarded_total(Stage::kCorrelate), 100U);
}

/// Random nesting of calls over random threads and drops: every parent named is a true one, and the
/// tables are empty at the end.
TEST(CorrelatorPropertyTest, NeverNamesAWrongParent) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    base::LedgerPage page;
    const base::Ledger ledger(page);
    RecordingExchanges sink;
    Correlator correlator({}, ledger, sink);
    struct Open {
      model::Exchange exchange;
      uint64_t parent = 0;  ///< 0: none can be known
    };
    std::vector<Open> open;
    std::map<uint64_t, uint64_t> parents;
    uint64_t now_ns = 1'000'000'000;
    for (uint64_t id = 1; id <= 300; ++id) {
      model::Exchange exchange;
      exchange.id = id;
      exchange.side = random() % 2 == 0 ? Side::kServer : Side::kClient;
      exchange.request_tid = exchange.response_tid = 1 + random() % 5;
      exchange.request_start_ns = now_ns += kMs;
      uint64_t parent = 0;
      size_t candidates = 0;
      for (const Open& other : open) {
        if (exchange.side == Side::kClient && other.exchange.side == Side::kServer &&
            other.exchange.request_tid == exchange.request_tid) {
          parent = other.exchange.id;
          ++candidates;
        }
      }
      parents[id] = candidates == 1 ? parent : 0;
      correlator.request_started(exchange);
      open.push_back({exchange, parents[id]});
      while (!open.empty() && random() % 2 == 0) {
        const size_t at = random() % open.size();
        Open done = open[at];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
        done.exchange.end_ns = now_ns += kMs;
        if (random() % 8 == 0) {
          correlator.exchange_dropped(done.exchange);
        } else {
          correlator.exchange_finished(own(std::move(done.exchange)));
        }
      }
      correlator.tick(now_ns);
    }
    for (Open& rest : open) correlator.exchange_dropped(rest.exchange);
    correlator.flush();
    EXPECT_EQ(correlator.tracked(), 0U);
    EXPECT_EQ(ledger.held(Stage::kCorrelate), 0);
    std::map<SpanId, uint64_t> ids;
    for (const auto& exchange : sink.finished) ids[exchange.context.span_id] = exchange.id;
    for (const auto& exchange : sink.finished) {
      if (exchange.parent_span_id == SpanId{}) continue;
      const auto found = ids.find(exchange.parent_span_id);
      // A parent that leaves no span may be named only when it was dropped after its child had
      // left.
      if (found == ids.end()) continue;
      EXPECT_EQ(found->second, parents[exchange.id]);
    }
  }
}

}  // namespace
}  // namespace hostlens::processors
