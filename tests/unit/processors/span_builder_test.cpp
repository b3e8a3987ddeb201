// SPDX-License-Identifier: Apache-2.0
#include "processors/span_builder.h"

#include <gtest/gtest.h>

#include <string_view>

namespace hostlens::processors {
namespace {

using model::AttributeValue;

class SpanBuilderTest : public testing::Test {
 protected:
  SpanBuilderTest() {
    exchange.local = {model::AddressFamily::kIpv4, 8080, {10, 0, 0, 1}};
    exchange.remote = {model::AddressFamily::kIpv4, 40000, {10, 0, 0, 2}};
    exchange.request_start_ns = 1'000'000;
    exchange.response_start_ns = 3'000'000;
    exchange.end_ns = 5'000'000;
    exchange.request_tid = 9;
    exchange.http.method = "GET";
    exchange.http.path = "/users/17";
    exchange.http.host = "shop.example:81";
    exchange.http.status = 200;
    exchange.http.user_agent = "curl/8";
    exchange.route = "/users/{id}";
    exchange.response_body_bytes = 12;
    exchange.context.trace_id = {1};
    exchange.context.span_id = {2};
  }
  static const AttributeValue* find(const model::Span& span, std::string_view key) {
    for (const model::Attribute& attribute : span.attributes) {
      if (attribute.key == key) return &attribute.value;
    }
    return nullptr;
  }
  static std::string text(const model::Span& span, std::string_view key) {
    const AttributeValue* value = find(span, key);
    return value != nullptr ? std::get<std::string>(*value) : "(none)";
  }
  static int64_t number(const model::Span& span, std::string_view key) {
    const AttributeValue* value = find(span, key);
    return value != nullptr ? std::get<int64_t>(*value) : -1;
  }

  model::Exchange exchange;
  base::WallClock clock;
};

TEST_F(SpanBuilderTest, FollowsTheConventionsOfServers) {
  const model::Span span = build_span(exchange, clock);
  EXPECT_EQ(span.name, "GET /users/{id}");
  EXPECT_EQ(span.kind, model::SpanKind::kServer);
  EXPECT_EQ(span.status, model::SpanStatus::kUnset);
  EXPECT_EQ(span.end_unix_ns - span.start_unix_ns, 4'000'000U);
  EXPECT_EQ(text(span, "http.request.method"), "GET");
  EXPECT_EQ(text(span, "url.scheme"), "http");
  EXPECT_EQ(text(span, "url.path"), "/users/17");
  EXPECT_EQ(text(span, "http.route"), "/users/{id}");
  EXPECT_EQ(number(span, "http.response.status_code"), 200);
  EXPECT_EQ(text(span, "server.address"), "shop.example");
  EXPECT_EQ(number(span, "server.port"), 81);
  EXPECT_EQ(text(span, "client.address"), "10.0.0.2");
  EXPECT_EQ(text(span, "network.peer.address"), "10.0.0.2");
  EXPECT_EQ(number(span, "network.peer.port"), 40000);
  EXPECT_EQ(text(span, "network.protocol.version"), "1.1");
  EXPECT_EQ(text(span, "user_agent.original"), "curl/8");
  EXPECT_EQ(number(span, "http.response.body.size"), 12);
  EXPECT_EQ(number(span, "thread.id"), 9);
  EXPECT_DOUBLE_EQ(std::get<double>(*find(span, "hostlens.http.time_to_first_byte")), 0.002);
  EXPECT_EQ(find(span, "url.query"), nullptr);
  EXPECT_EQ(find(span, "url.full"), nullptr);
  EXPECT_EQ(find(span, "error.type"), nullptr);
}

TEST_F(SpanBuilderTest, FollowsTheConventionsOfClients) {
  exchange.side = model::Side::kClient;
  exchange.route.clear();
  exchange.http.host = "[::1]";
  exchange.http.query = "page=2";
  exchange.http.status = 404;
  const model::Span span = build_span(exchange, clock);
  EXPECT_EQ(span.name, "GET");
  EXPECT_EQ(span.kind, model::SpanKind::kClient);
  EXPECT_EQ(text(span, "url.full"), "http://[::1]/users/17?page=2");
  EXPECT_EQ(text(span, "server.address"), "::1");
  EXPECT_EQ(number(span, "server.port"), 40000) << "the real one when Host names none";
  EXPECT_EQ(text(span, "error.type"), "404");
  EXPECT_EQ(span.status, model::SpanStatus::kError);
  EXPECT_EQ(span.status_message, "") << "the status code says it";
  EXPECT_EQ(find(span, "http.route"), nullptr);
}

TEST_F(SpanBuilderTest, CallsA404OfAServerNoError) {
  exchange.http.status = 404;
  EXPECT_EQ(build_span(exchange, clock).status, model::SpanStatus::kUnset);
  exchange.http.status = 503;
  EXPECT_EQ(text(build_span(exchange, clock), "error.type"), "503");
}

TEST_F(SpanBuilderTest, NamesAbortsAndLeavesUnknownSizesOut) {
  exchange.end = model::ExchangeEnd::kReset;
  exchange.response_body_known = false;
  const model::Span span = build_span(exchange, clock);
  EXPECT_EQ(text(span, "error.type"), "connection_reset");
  EXPECT_EQ(span.status, model::SpanStatus::kError);
  EXPECT_EQ(find(span, "http.response.body.size"), nullptr);
}

TEST_F(SpanBuilderTest, BoundsTheMethod) {
  exchange.http.method = "BREW";
  const model::Span span = build_span(exchange, clock);
  EXPECT_EQ(span.name, "HTTP /users/{id}");
  EXPECT_EQ(text(span, "http.request.method"), "_OTHER");
  EXPECT_EQ(text(span, "http.request.method_original"), "BREW");
}

TEST_F(SpanBuilderTest, TellsAWebSocket) {
  exchange.end = model::ExchangeEnd::kUpgraded;
  exchange.http.status = 101;
  exchange.http.upgrade = "websocket";
  EXPECT_EQ(text(build_span(exchange, clock), "network.protocol.name"), "websocket");
}

TEST_F(SpanBuilderTest, MarksARemoteParent) {
  exchange.incoming.trace_id = {1};
  exchange.incoming.span_id = {7};
  exchange.parent_span_id = {7};
  EXPECT_TRUE(build_span(exchange, clock).parent_is_remote);
  exchange.parent_span_id = {8};
  EXPECT_FALSE(build_span(exchange, clock).parent_is_remote);
}

}  // namespace
}  // namespace hostlens::processors
