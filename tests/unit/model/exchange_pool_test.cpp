// SPDX-License-Identifier: Apache-2.0
#include "model/exchange_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hostlens::model {
namespace {

void fill(Exchange& exchange, size_t text_bytes) {
  const std::string text(text_bytes, 'x');
  exchange.id = 1;
  exchange.side = Side::kClient;
  exchange.end = ExchangeEnd::kReset;
  exchange.request_start_ns = exchange.end_ns = 5;
  exchange.request_body_known = false;
  exchange.local.port = 80;
  exchange.request_tid = 7;
  exchange.parent_span_id = {1};
  exchange.correlator_node = 3;
  exchange.active_series = &exchange;
  exchange.process = std::make_shared<Process>();
  exchange.http.status = 200;
  exchange.http.version_minor = 0;
  exchange.http.target_truncated = true;
  for (std::string* part : {&exchange.http.method, &exchange.http.path, &exchange.http.query,
                            &exchange.http.host, &exchange.http.user_agent, &exchange.http.upgrade,
                            &exchange.http.scheme, &exchange.route}) {
    *part = text;
  }
  exchange.incoming = {{1}, {2}, 1, text};
  exchange.context = {{3}, {4}, 1, text};
}

void expect_new(const Exchange& exchange) {
  EXPECT_EQ(exchange.id, 0U);
  EXPECT_EQ(exchange.side, Side::kServer);
  EXPECT_EQ(exchange.end, ExchangeEnd::kComplete);
  EXPECT_EQ(exchange.request_start_ns, 0U);
  EXPECT_EQ(exchange.end_ns, 0U);
  EXPECT_TRUE(exchange.request_body_known);
  EXPECT_EQ(exchange.local, SocketAddress{});
  EXPECT_EQ(exchange.request_tid, 0U);
  EXPECT_EQ(exchange.parent_span_id, SpanId{});
  EXPECT_EQ(exchange.correlator_node, UINT32_MAX);
  EXPECT_EQ(exchange.active_series, nullptr);
  EXPECT_EQ(exchange.process, nullptr);
  EXPECT_EQ(exchange.http.status, 0);
  EXPECT_EQ(exchange.http.version_minor, 1);
  EXPECT_FALSE(exchange.http.target_truncated);
  EXPECT_EQ(exchange.http.scheme, "http");
  for (const std::string* part :
       {&exchange.http.method, &exchange.http.path, &exchange.http.query, &exchange.http.host,
        &exchange.http.user_agent, &exchange.http.upgrade, &exchange.route}) {
    EXPECT_EQ(*part, "");
  }
  EXPECT_EQ(exchange.incoming, TraceContext{});
  EXPECT_EQ(exchange.context, TraceContext{});
}

TEST(ExchangePoolTest, WhatComesBackIsAsNew) {
  ExchangePool pool;
  const Exchange* first = nullptr;
  {
    const ExchangePtr exchange = pool.take();
    first = exchange.get();
    expect_new(*exchange);
    fill(*exchange, 40);
  }
  EXPECT_EQ(pool.idle(), 1U);
  const ExchangePtr again = pool.take();
  EXPECT_EQ(again.get(), first);
  expect_new(*again);
}

TEST(ExchangePoolTest, KeepsTheMemoryOfShortTextsOnly) {
  ExchangePool pool;
  for (const size_t bytes : {size_t{100}, size_t{2000}}) {
    {
      fill(*pool.take(), bytes);
    }
    EXPECT_EQ(pool.take()->http.path.capacity() >= 100, bytes == 100);
  }
}

TEST(ExchangePoolTest, ABurstIsNotKept) {
  ExchangePool pool;
  {
    std::vector<ExchangePtr> burst;
    for (int i = 0; i < 10'000; ++i) burst.push_back(pool.take());
  }
  EXPECT_EQ(pool.idle(), 4096U);
}

TEST(ExchangePoolTest, WithoutAPoolAnExchangeIsDeleted) {
  const ExchangePtr alone(new Exchange);
  expect_new(*alone);
}

}  // namespace
}  // namespace hostlens::model
