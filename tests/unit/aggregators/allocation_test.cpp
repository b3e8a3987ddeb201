// SPDX-License-Identifier: Apache-2.0
// The hot path allocates nothing for series that are known: counted by this program's operator new.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "snapshot_reader.h"

namespace {
thread_local uint64_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace hostlens::aggregators {
namespace {

TEST(AllocationTest, KnownSeriesCostNone) {
  MetricAggregator aggregator({});
  model::Exchange exchange;
  exchange.process = process_of("shop");
  exchange.http.method = "GET";
  exchange.http.status = 200;
  exchange.http.host = "a-name-that-is-longer-than-a-short-string.example";
  exchange.route = "/a/route/that/is/longer/than/a/short/string";
  exchange.context.trace_id.fill(1);
  exchange.context.span_id.fill(1);
  processors::ConnectionFacts facts;
  facts.connection = 1;
  facts.process = exchange.process;
  const auto once = [&](uint64_t id) {
    for (const auto side : {model::Side::kServer, model::Side::kClient}) {
      exchange.id = 2 * id + static_cast<uint64_t>(side);
      exchange.side = side;
      exchange.request_start_ns = id * 1'000'000;
      exchange.end_ns = exchange.request_start_ns + 1'000'000;
      aggregator.request_started(exchange);
      aggregator.exchange_finished(exchange);
    }
    aggregator.connection_opened(facts, 0);
    aggregator.connection_progress(facts, {.bytes_sent = 1, .srtt_us = 100});
    aggregator.connection_closed(facts, model::CloseReason::kNormal);
  };
  once(1);
  const uint64_t before = allocations;
  ASSERT_GT(before, 0U) << "the counter does not count";
  for (uint64_t id = 2; id < 1000; ++id) once(id);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace hostlens::aggregators
