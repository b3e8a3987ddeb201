// SPDX-License-Identifier: Apache-2.0
#include "aggregators/http_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot_reader.h"

namespace hostlens::aggregators {
namespace {

using model::ExchangeEnd;
using model::Side;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr char kDuration[] = "http.server.request.duration";
constexpr char kActive[] = "http.server.active_requests";

class HttpMetricsTest : public testing::Test {
 protected:
  static MetricAggregatorSettings settings(size_t limit) {
    MetricAggregatorSettings settings;
    settings.series_per_family = limit;
    settings.series_idle_ns = 60 * kSecond;
    settings.agent = process_of("hostlens")->service;
    settings.start_unix_ns = 1;
    return settings;
  }
  explicit HttpMetricsTest(size_t limit = 2000) : aggregator_(settings(limit)) {}

  model::Exchange exchange(Side side = Side::kServer) {
    model::Exchange exchange;
    exchange.id = next_id_++;
    exchange.side = side;
    exchange.request_start_ns = now_;
    exchange.response_start_ns = now_ + 1'000'000;
    exchange.end_ns = now_ + 2'000'000;
    exchange.local = ipv4(10, 0, 0, 1, side == Side::kServer ? 80 : 40001);
    exchange.remote = ipv4(10, 0, 0, 2, side == Side::kServer ? 40002 : 8080);
    exchange.process = process_;
    exchange.http.method = "GET";
    exchange.http.status = 200;
    exchange.http.host = "shop.example:81";
    exchange.route = side == Side::kServer ? "/users/{id}" : "";
    exchange.response_body_bytes = 1024;
    return exchange;
  }
  void finish(model::Exchange exchange) {
    aggregator_.request_started(exchange);
    aggregator_.exchange_finished(exchange);
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

TEST_F(HttpMetricsTest, ServerDurationHasTheConventionsAttributes) {
  const uint64_t before = base::unix_now_ns();
  for (int i = 0; i < 3; ++i) finish(exchange());
  const SnapshotReader reader = read_after(1);
  constexpr char kAttributes[] =
      "http.request.method=GET,http.response.status_code=200,http.route=/users/{id},"
      "network.protocol.version=1.1,url.scheme=http";
  ASSERT_THAT(reader.points(kDuration), ElementsAre(kAttributes));
  const auto h = reader.histogram(kDuration, kAttributes);
  EXPECT_EQ(h.count, 3U);
  EXPECT_NEAR(h.sum, 0.006, 1e-12);
  EXPECT_DOUBLE_EQ(h.min, 0.002);
  EXPECT_DOUBLE_EQ(h.max, 0.002);
  EXPECT_THAT(h.counts, ElementsAre(3));
  const auto* const point = reader.point(kDuration, kAttributes);
  EXPECT_EQ(point->service, process_->service);
  EXPECT_GE(point->start_unix_ns, before);
  EXPECT_LE(point->start_unix_ns, base::unix_now_ns());
  EXPECT_EQ(reader.family(kDuration)->unit, "s");
  EXPECT_EQ(reader.family("http.client.request.duration"), nullptr);
}

TEST_F(HttpMetricsTest, ClientDurationNamesTheServer) {
  finish(exchange(Side::kClient));
  model::Exchange without_host = exchange(Side::kClient);
  without_host.http.host.clear();
  finish(without_host);
  model::Exchange templated = exchange(Side::kClient);
  templated.route = "/v1/{id}";
  finish(templated);
  constexpr char kStart[] =
      "http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,";
  EXPECT_THAT(
      read_after(1).points("http.client.request.duration"),
      testing::UnorderedElementsAre(
          std::string(kStart) + "server.address=10.0.0.2,server.port=8080,url.scheme=http",
          std::string(kStart) + "server.address=shop.example,server.port=81,url.scheme=http",
          std::string(kStart) + "server.address=shop.example,server.port=81,"
                                "url.scheme=http,url.template=/v1/{id}"));
}

TEST_F(HttpMetricsTest, EveryOutcomeIsASeriesOfItsOwn) {
  const auto finish_as = [&](uint16_t status, ExchangeEnd end, const char* method) {
    model::Exchange e = exchange();
    e.http.status = status;
    e.end = end;
    e.http.method = method;
    e.route.clear();
    finish(e);
  };
  finish_as(503, ExchangeEnd::kComplete, "POST");
  finish_as(404, ExchangeEnd::kComplete, "BREW");
  finish_as(0, ExchangeEnd::kReset, "GET");
  finish_as(0, ExchangeEnd::kTimedOut, "GET");
  finish_as(200, ExchangeEnd::kClosedByServer, "GET");
  EXPECT_THAT(
      read_after(1).points(kDuration),
      testing::UnorderedElementsAre(
          "error.type=503,http.request.method=POST,http.response.status_code=503,"
          "network.protocol.version=1.1,url.scheme=http",
          "http.request.method=_OTHER,http.response.status_code=404,"
          "network.protocol.version=1.1,url.scheme=http",
          "error.type=connection_reset,http.request.method=GET,network.protocol.version=1.1,"
          "url.scheme=http",
          "error.type=timeout,http.request.method=GET,network.protocol.version=1.1,"
          "url.scheme=http",
          "error.type=closed_by_server,http.request.method=GET,http.response.status_code=200,"
          "network.protocol.version=1.1,url.scheme=http"));
}

TEST_F(HttpMetricsTest, RawFieldsThatDifferOnlyInSpellingShareASeries) {
  model::Exchange a = exchange(Side::kClient);
  a.http.host = "shop.example";
  a.remote.port = 81;
  finish(a);
  finish(exchange(Side::kClient));  // "shop.example:81"
  model::Exchange c = exchange(Side::kClient);
  c.http.method = "BREW";
  finish(c);
  c.id = next_id_++;
  c.http.method = "FROB";
  finish(c);
  const SnapshotReader reader = read_after(1);
  const auto* const family = reader.family("http.client.request.duration");
  ASSERT_EQ(family->points.size(), 2U);
  for (const auto& point : family->points) {
    EXPECT_EQ(std::get<model::ExponentialHistogram>(point.value).count, 2U);
  }
}

TEST_F(HttpMetricsTest, AServiceThatIsDescribedAnewKeepsItsSeries) {
  finish(exchange());
  process_ = process_of("shop");
  finish(exchange());
  const SnapshotReader reader = read_after(1);
  ASSERT_EQ(reader.family(kDuration)->points.size(), 1U);
  const auto& point = reader.family(kDuration)->points[0];
  EXPECT_EQ(std::get<model::ExponentialHistogram>(point.value).count, 2U);
  EXPECT_EQ(point.service, process_->service);
  process_ = process_of("other");
  finish(exchange());
  EXPECT_EQ(read_after(1).family(kDuration)->points.size(), 2U);
}

TEST_F(HttpMetricsTest, OnlyKnownBodySizesAreRecorded) {
  model::Exchange put = exchange();
  put.http.method = "PUT";
  put.request_body_bytes = 500;
  finish(put);
  put.id = next_id_++;
  put.request_body_known = false;
  finish(put);
  put.id = next_id_++;
  put.response_body_known = false;
  finish(put);
  put.id = next_id_++;
  put.response_body_known = true;
  put.http.status = 0;
  put.end = ExchangeEnd::kReset;
  finish(put);
  const SnapshotReader reader = read_after(1);
  constexpr char kAttributes[] =
      "http.request.method=PUT,http.response.status_code=200,http.route=/users/{id},"
      "network.protocol.version=1.1,url.scheme=http";
  ASSERT_THAT(reader.points("http.server.request.body.size"), ElementsAre(kAttributes));
  const auto sent = reader.histogram("http.server.request.body.size", kAttributes);
  EXPECT_EQ(sent.count, 1U);
  EXPECT_EQ(sent.sum, 500);
  ASSERT_THAT(reader.points("http.server.response.body.size"), ElementsAre(kAttributes));
  const auto answered = reader.histogram("http.server.response.body.size", kAttributes);
  EXPECT_EQ(answered.count, 2U);
  EXPECT_EQ(answered.sum, 2048);
  EXPECT_EQ(reader.family("http.server.request.body.size")->unit, "By");
}

TEST_F(HttpMetricsTest, ActiveRequestsBalanceForFinishedAndDropped) {
  std::vector<model::Exchange> open;
  for (int i = 0; i < 5; ++i) {
    open.push_back(exchange());
    aggregator_.request_started(open.back());
  }
  constexpr char kAttributes[] = "http.request.method=GET,url.scheme=http";
  EXPECT_EQ(read_after(1).number(kActive, kAttributes), 5);
  for (auto& e : open) e.end_ns = now_;
  aggregator_.exchange_finished(open[0]);
  aggregator_.exchange_finished(open[1]);
  aggregator_.exchange_dropped(open[2]);
  EXPECT_EQ(read_after(1).number(kActive, kAttributes), 2);
  // Told twice: once is right.
  aggregator_.exchange_dropped(open[2]);
  aggregator_.exchange_finished(open[3]);
  aggregator_.exchange_dropped(open[4]);
  EXPECT_EQ(read_after(1).number(kActive, kAttributes), 0);
  EXPECT_EQ(read().family(kActive)->kind, model::MetricKind::kUpDownCounter);
}

TEST_F(HttpMetricsTest, ActiveClientRequestsNameTheServer) {
  model::Exchange call = exchange(Side::kClient);
  aggregator_.request_started(call);
  EXPECT_EQ(read_after(1).number("http.client.active_requests",
                                 "http.request.method=GET,server.address=shop.example,"
                                 "server.port=81,url.scheme=http"),
            1);
}

TEST_F(HttpMetricsTest, ExemplarsAreTheLatestOfTheirBandWithTheirSpan) {
  const auto finish_in = [&](uint64_t duration_ns, uint8_t id) {
    model::Exchange e = exchange();
    e.end_ns = e.request_start_ns + duration_ns;
    if (id != 0) {
      e.context.trace_id.fill(id);
      e.context.span_id.fill(id);
    }
    finish(e);
  };
  finish_in(2'000'000, 1);
  finish_in(3'000'000, 2);    // same band as the first
  finish_in(700'000'000, 3);  // a slow one
  finish_in(2'500'000, 0);    // without a span
  const SnapshotReader reader = read_after(1);
  const auto& exemplars = reader.family(kDuration)->points[0].exemplars;
  ASSERT_EQ(exemplars.size(), 2U);
  EXPECT_EQ(exemplars[0].trace_id[15], 2);
  EXPECT_EQ(exemplars[0].span_id[7], 2);
  EXPECT_DOUBLE_EQ(exemplars[0].value, 0.003);
  EXPECT_EQ(exemplars[1].trace_id[0], 3);
  EXPECT_DOUBLE_EQ(exemplars[1].value, 0.7);
  const uint64_t wall = reader.snapshot().unix_ns;
  EXPECT_NEAR(static_cast<double>(wall - exemplars[0].unix_ns), 1e9 - 3e6, 50e6);
  // They go when they are as old as an idle series; the series is kept alive by a span-less one.
  now_ += 59 * kSecond;
  finish_in(2'000'000, 0);
  EXPECT_THAT(read_after(10).family(kDuration)->points[0].exemplars, IsEmpty());
}

TEST_F(HttpMetricsTest, IdleSeriesExpireAndReturnWithANewStart) {
  finish(exchange());
  const uint64_t start = read().family(kDuration)->points[0].start_unix_ns;
  EXPECT_NE(read_after(59).family(kDuration), nullptr);
  EXPECT_EQ(read_after(1).family(kDuration), nullptr);
  finish(exchange());
  const SnapshotReader reader = read_after(1);
  ASSERT_NE(reader.family(kDuration), nullptr);
  const auto& point = reader.family(kDuration)->points[0];
  EXPECT_GT(point.start_unix_ns, start);
  EXPECT_EQ(std::get<model::ExponentialHistogram>(point.value).count, 1U);
}

TEST_F(HttpMetricsTest, AnActiveRequestNeverExpires) {
  model::Exchange hanging = exchange();
  aggregator_.request_started(hanging);
  constexpr char kAttributes[] = "http.request.method=GET,url.scheme=http";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(read_after(100).number(kActive, kAttributes), 1);
  hanging.end_ns = now_;
  aggregator_.exchange_finished(hanging);
  EXPECT_EQ(read_after(1).number(kActive, kAttributes), 0);
  EXPECT_EQ(read_after(61).family(kActive), nullptr);
}

TEST_F(HttpMetricsTest, ServicesDieWithTheirSeries) {
  finish(exchange());
  std::weak_ptr<const model::Service> service = process_->service;
  process_.reset();
  static_cast<void>(read());
  EXPECT_FALSE(service.expired());
  for (int i = 0; i < 3; ++i) static_cast<void>(read_after(61));
  EXPECT_TRUE(service.expired());
}

TEST_F(HttpMetricsTest, AnExchangeWithoutProcessIsCountedAllTheSame) {
  process_.reset();
  finish(exchange());
  const SnapshotReader reader = read_after(1);
  EXPECT_EQ(reader.family(kDuration)->points[0].service->name, "unknown_service");
}

class HttpMetricsLimitTest : public HttpMetricsTest {
 protected:
  HttpMetricsLimitTest() : HttpMetricsTest(3) {}
  void finish_route(const std::string& route) {
    model::Exchange e = exchange();
    e.route = route;
    finish(e);
  }
  static constexpr char kOverflow[] = "otel.metric.overflow=true";
  static std::string by_family(std::string_view family) { return "family=" + std::string(family); }
};

TEST_F(HttpMetricsLimitTest, FurtherAttributeSetsShareOneCountedOverflowSeries) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) finish_route("/" + std::to_string(i));
  }
  const SnapshotReader reader = read_after(1);
  ASSERT_EQ(reader.points(kDuration).size(), 4U);
  EXPECT_EQ(reader.histogram(kDuration, kOverflow).count, 594U);
  EXPECT_EQ(reader.point(kDuration, kOverflow)->service, nullptr);
  uint64_t total = 0;
  for (const auto& point : reader.family(kDuration)->points) {
    total += std::get<model::ExponentialHistogram>(point.value).count;
  }
  EXPECT_EQ(total, 600U);
  EXPECT_EQ(reader.number("hostlens.agent.metric.series", by_family(kDuration)), 3);
  EXPECT_EQ(reader.number("hostlens.agent.metric.series.overflows", by_family(kDuration)), 594);
  EXPECT_EQ(reader.number("hostlens.agent.metric.series", by_family(kActive)), 1);
  EXPECT_EQ(reader.number("hostlens.agent.metric.series.overflows", by_family(kActive)), 0);
  EXPECT_EQ(
      reader.number("hostlens.agent.metric.series", by_family("http.server.response.body.size")),
      3);
}

TEST_F(HttpMetricsLimitTest, RoomThatExpiryMadeIsUsedAgain) {
  for (int i = 0; i < 4; ++i) finish_route("/" + std::to_string(i));
  ASSERT_EQ(read().histogram(kDuration, kOverflow).count, 1U);
  static_cast<void>(read_after(61));
  finish_route("/3");  // was in the overflow series
  const SnapshotReader reader = read_after(1);
  EXPECT_EQ(reader.histogram(kDuration, kOverflow).count, 1U);
  EXPECT_EQ(reader.points(kDuration).size(), 2U);
}

TEST_F(HttpMetricsLimitTest, AHigherLimitServesNewSetsAndKeepsOldOnes) {
  for (int i = 0; i < 5; ++i) finish_route("/" + std::to_string(i));
  aggregator_.set_limits(10, 60 * kSecond);
  for (int i = 0; i < 5; ++i) finish_route("/" + std::to_string(i));
  EXPECT_EQ(read_after(1).points(kDuration).size(), 6U);
  aggregator_.set_limits(1, 60 * kSecond);
  finish_route("/new");
  const SnapshotReader reader = read_after(1);
  EXPECT_EQ(reader.points(kDuration).size(), 6U);
  EXPECT_EQ(reader.histogram(kDuration, kOverflow).count, 3U);
}

TEST_F(HttpMetricsLimitTest, ActiveRequestsEndWhereTheyBegan) {
  const auto start = [&](const char* method) {
    model::Exchange e = exchange();
    e.http.method = method;
    aggregator_.request_started(e);
    return e;
  };
  for (const char* method : {"GET", "PUT", "HEAD"})
    finish([&] {
      model::Exchange e = exchange();
      e.http.method = method;
      return e;
    }());
  model::Exchange in_overflow = start("POST");
  EXPECT_EQ(read_after(1).number(kActive, kOverflow), 1);
  static_cast<void>(read_after(61));  // the idle ones expire: there is room
  model::Exchange later = start("POST");
  in_overflow.end_ns = now_;
  aggregator_.exchange_finished(in_overflow);
  const SnapshotReader reader = read_after(1);
  EXPECT_EQ(reader.number(kActive, kOverflow), 0);
  EXPECT_EQ(reader.number(kActive, "http.request.method=POST,url.scheme=http"), 1);
}

TEST_F(HttpMetricsLimitTest, KeysWithoutNumberStayRightAndBounded) {
  for (int i = 0; i < 5000; ++i) {
    model::Exchange e = exchange(Side::kClient);
    e.http.host = "h" + std::to_string(i) + ".example";
    finish(e);
    if (i % 1000 == 0) finish_route("/a");
  }
  const SnapshotReader reader = read_after(1);
  EXPECT_EQ(reader.points("http.client.request.duration").size(), 4U);
  EXPECT_EQ(reader.histogram("http.client.request.duration", kOverflow).count, 4997U);
  EXPECT_EQ(reader.family(kDuration)->points.size(), 1U);
}

}  // namespace
}  // namespace hostlens::aggregators
