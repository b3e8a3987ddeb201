// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <string>

#include "symbols/debuginfod/symbol_downloads.h"

namespace hostlens::symbols {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr DownloadQueue::TimePoint kBegin{100h};

TEST(DownloadQueueTest, EachWaitsOnceAndInOrder) {
  DownloadQueue queue;
  EXPECT_TRUE(queue.add("aa01", kBegin));
  EXPECT_TRUE(queue.add("aa02", kBegin));
  EXPECT_TRUE(queue.add("aa01", kBegin));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.first(), "aa01");
  queue.end_first(Download::kStored, kBegin);
  EXPECT_EQ(queue.first(), "aa02");
}

TEST(DownloadQueueTest, WhatNoServerHasIsNotAskedForAgainForADay) {
  for (const Download outcome : {Download::kNotFound, Download::kTooLarge, Download::kBroken,
                                 Download::kMismatch, Download::kNoSymbols}) {
    DownloadQueue queue;
    ASSERT_TRUE(queue.add("aa01", kBegin));
    queue.end_first(outcome, kBegin);
    EXPECT_FALSE(queue.add("aa01", kBegin));
    EXPECT_FALSE(queue.add("aa01", kBegin + 24h - 1s));
    EXPECT_THAT(queue.take_forgiven(kBegin + 24h - 1s), IsEmpty());
    EXPECT_THAT(queue.take_forgiven(kBegin + 24h), ElementsAre("aa01"));
    EXPECT_TRUE(queue.add("aa01", kBegin + 24h));
  }
}

TEST(DownloadQueueTest, WhatDidNotComeBecauseOfTheServerIsAskedForSooner) {
  for (const Download outcome :
       {Download::kTimeout, Download::kUnreachable, Download::kRefused, Download::kCache}) {
    DownloadQueue queue;
    ASSERT_TRUE(queue.add("aa01", kBegin));
    queue.end_first(outcome, kBegin);
    EXPECT_FALSE(queue.add("aa01", kBegin + 9min));
    EXPECT_THAT(queue.take_forgiven(kBegin + 10min), ElementsAre("aa01"));
  }
}

TEST(DownloadQueueTest, WhatCameMayBeAskedForAgainAtOnce) {
  DownloadQueue queue;
  ASSERT_TRUE(queue.add("aa01", kBegin));
  queue.end_first(Download::kStored, kBegin);
  EXPECT_TRUE(queue.add("aa01", kBegin)) << "it may have made room for another one";
}

TEST(DownloadQueueTest, NoMoreThanSoManyWait) {
  DownloadQueue queue;
  for (size_t i = 0; i < DownloadQueue::kMostWaiting; ++i) {
    ASSERT_TRUE(queue.add(std::to_string(i), kBegin));
  }
  EXPECT_FALSE(queue.add("one more", kBegin));
  EXPECT_EQ(queue.size(), DownloadQueue::kMostWaiting);
}

TEST(DownloadQueueTest, OfMoreRefusedOnesThanFitThoseThatAreForgivenFirstAreForgotten) {
  DownloadQueue queue;
  for (size_t i = 0; i <= DownloadQueue::kMostRefused; ++i) {
    const auto now = kBegin + std::chrono::milliseconds(i);
    ASSERT_TRUE(queue.add(std::to_string(i), now));
    queue.end_first(Download::kNotFound, now);
  }
  EXPECT_EQ(queue.refused(), DownloadQueue::kMostRefused);
  const auto now = kBegin + 1h;
  EXPECT_TRUE(queue.add("0", now));
  EXPECT_FALSE(queue.add("1", now));
}

}  // namespace
}  // namespace hostlens::symbols
