// SPDX-License-Identifier: Apache-2.0
#include "web/recent_spans.h"

#include <gtest/gtest.h>

#include <utility>

namespace hostlens::web {
namespace {

model::TraceId trace(uint32_t number) {
  model::TraceId id{};
  id[0] = 1;
  // Spread evenly over the part that decides.
  const uint32_t spread = number * 2654435761U;
  for (size_t i = 0; i < 4; ++i) id[12 + i] = static_cast<uint8_t>(spread >> (24 - 8 * i));
  return id;
}

/// Offers one span of each of `count` traces; returns how many were wanted.
uint32_t offer(RecentSpans& recent, uint32_t count) {
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (!recent.wants(trace(i))) continue;
    ++wanted;
    model::Span span;
    span.context.trace_id = trace(i);
    recent.add(std::move(span));
  }
  return wanted;
}

TEST(RecentSpansTest, ABurstIsCutOffBeforeItsSpansAreBuilt) {
  RecentSpans recent(1000, 100);
  EXPECT_EQ(offer(recent, 10'000), 200U);
  EXPECT_EQ(recent.size(), 200U);
}

TEST(RecentSpansTest, UnderSteadyLoadTheShareSettlesAndTracesStayWhole) {
  RecentSpans recent(1000, 100);
  for (int second = 0; second < 10; ++second) {
    offer(recent, 10'000);
    recent.tick();
  }
  const uint32_t first = offer(recent, 5'000);
  EXPECT_GT(first, 10U);
  EXPECT_EQ(offer(recent, 5'000), first) << "the other spans of the same traces";
}

TEST(RecentSpansTest, WhenTheLoadIsGoneEverythingIsWantedAgain) {
  RecentSpans recent(1000, 100);
  for (int second = 0; second < 10; ++second) {
    offer(recent, 10'000);
    recent.tick();
  }
  for (int second = 0; second < 10; ++second) {
    offer(recent, 1);
    recent.tick();
  }
  EXPECT_EQ(offer(recent, 50), 50U);
}

}  // namespace
}  // namespace hostlens::web
