// SPDX-License-Identifier: Apache-2.0
#include "processors/thread_activity.h"

#include <gtest/gtest.h>

namespace hostlens::processors {
namespace {

using Answer = ThreadActivity::Answer;

constexpr uint32_t kThread = 7;

class ThreadActivityTest : public ::testing::Test {
 protected:
  static model::Exchange exchange(uint64_t id, uint64_t begin_ns, uint64_t end_ns = 0,
                                  const std::string& route = "/a") {
    model::Exchange made;
    made.id = id;
    made.side = model::Side::kServer;
    made.request_tid = kThread;
    made.request_start_ns = begin_ns;
    made.end_ns = end_ns;
    made.route = route;
    made.context.trace_id[0] = static_cast<uint8_t>(id);
    made.context.span_id[0] = static_cast<uint8_t>(id);
    return made;
  }
  void serve(uint64_t id, uint64_t begin_ns, uint64_t end_ns, const std::string& route = "/a") {
    activity_.started(exchange(id, begin_ns));
    activity_.ended(exchange(id, begin_ns, end_ns, route));
  }
  Answer at(uint64_t time_ns) { return activity_.at(kThread, time_ns, request_); }

  ThreadActivity activity_;
  ServedRequest request_;
};

TEST_F(ThreadActivityTest, AMomentWithinARequestIsItsRouteAndSpan) {
  serve(1, 100, 200, "/a");
  serve(2, 300, 400, "/b");
  for (const uint64_t time_ns : {100U, 150U, 200U}) {
    ASSERT_EQ(at(time_ns), Answer::kServing) << time_ns;
    EXPECT_EQ(request_.route, "/a");
    EXPECT_EQ(request_.trace_id[0], 1);
    EXPECT_EQ(request_.span_id[0], 1);
  }
  ASSERT_EQ(at(350), Answer::kServing);
  EXPECT_EQ(request_.route, "/b");
}

TEST_F(ThreadActivityTest, AMomentOutsideOfAllIsNobodys) {
  serve(1, 100, 200);
  serve(2, 300, 400);
  for (const uint64_t time_ns : {99U, 201U, 299U, 401U}) EXPECT_EQ(at(time_ns), Answer::kNone);
  EXPECT_EQ(activity_.at(kThread + 1, 150, request_), Answer::kNone);
}

TEST_F(ThreadActivityTest, TwoRequestsAtOnceTellNothing) {
  serve(1, 100, 300);
  serve(2, 200, 400);
  EXPECT_EQ(at(150), Answer::kServing);
  EXPECT_EQ(at(250), Answer::kNone);
  EXPECT_EQ(at(350), Answer::kServing);
  activity_.started(exchange(3, 390));
  EXPECT_EQ(at(395), Answer::kNone);
}

TEST_F(ThreadActivityTest, ALongRequestAmongShortOnesIsFound) {
  serve(1, 1'000, 1'010);
  serve(2, 1'020, 1'030);
  serve(3, 100, 1'100);
  EXPECT_EQ(at(500), Answer::kServing);
  EXPECT_EQ(at(1'005), Answer::kNone);
  EXPECT_EQ(at(1'015), Answer::kServing);
}

TEST_F(ThreadActivityTest, ARequestThatHasNotEndedIsWaitedFor) {
  activity_.started(exchange(1, 100));
  EXPECT_EQ(at(99), Answer::kNone);
  EXPECT_EQ(at(150), Answer::kOpen);
  activity_.ended(exchange(1, 100, 200, "/late"));
  ASSERT_EQ(at(150), Answer::kServing);
  EXPECT_EQ(request_.route, "/late");
}

TEST_F(ThreadActivityTest, AClientsSideIsNotServed) {
  model::Exchange client = exchange(1, 100, 200);
  client.side = model::Side::kClient;
  activity_.started(client);
  activity_.ended(client);
  EXPECT_EQ(at(150), Answer::kNone);
}

TEST_F(ThreadActivityTest, WhatIsOldIsForgottenAndThreadsWithIt) {
  serve(1, 100, 200);
  activity_.forget_before(200);
  EXPECT_EQ(activity_.threads(), 1U);
  activity_.forget_before(201);
  EXPECT_EQ(activity_.threads(), 0U);
  activity_.started(exchange(2, 300));
  activity_.forget_before(1'000);
  EXPECT_EQ(at(500), Answer::kOpen);
}

TEST_F(ThreadActivityTest, MoreThanIsKeptIsNotGuessed) {
  for (uint64_t i = 0; i < 10'000; ++i) serve(i, 1'000 + 10 * i, 1'005 + 10 * i);
  EXPECT_EQ(at(1'002), Answer::kNone);
  EXPECT_EQ(at(1'002 + 10 * 9'999), Answer::kServing);
}

}  // namespace
}  // namespace hostlens::processors
