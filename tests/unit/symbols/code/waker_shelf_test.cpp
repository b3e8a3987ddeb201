// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/waker_shelf.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

WakerShelf::Waker waker(uint32_t sleeper, uint64_t time_ns, size_t raw_bytes = 0) {
  auto stack = std::make_shared<decoders::ProfileWaker>();
  stack->sleeper = sleeper;
  stack->stack.time_ns = time_ns;
  WakerShelf::Waker made{std::move(stack), nullptr};
  if (raw_bytes > 0) {
    made.raw = std::make_unique<RawStack>(RawStack{{}, std::vector<std::byte>(raw_bytes)});
  }
  return made;
}

TEST(WakerShelfTest, TheWakerOfASleeperIsTakenOnce) {
  WakerShelf shelf;
  EXPECT_EQ(shelf.put(waker(1, 10)), 0U);
  EXPECT_EQ(shelf.put(waker(2, 20)), 0U);
  EXPECT_EQ(shelf.take(3).stack, nullptr);
  const auto taken = shelf.take(1);
  ASSERT_NE(taken.stack, nullptr);
  EXPECT_EQ(taken.stack->stack.time_ns, 10U);
  EXPECT_EQ(shelf.take(1).stack, nullptr);
  EXPECT_EQ(shelf.take(2).stack->stack.time_ns, 20U);
  EXPECT_EQ(shelf.size(), 0U);
}

TEST(WakerShelfTest, OfASleeperTheLastWakerCounts) {
  WakerShelf shelf;
  EXPECT_EQ(shelf.put(waker(7, 10, 4096)), 0U);
  EXPECT_EQ(shelf.put(waker(8, 15)), 0U);
  EXPECT_EQ(shelf.put(waker(7, 20)), 4096U) << "of the one that nobody asked for";
  EXPECT_EQ(shelf.size(), 2U);
  EXPECT_EQ(shelf.take(7).stack->stack.time_ns, 20U);
}

TEST(WakerShelfTest, ItsMemoryIsBoundedAndTheOldestGoes) {
  WakerShelf shelf;
  size_t forgotten = 0;
  for (uint32_t sleeper = 1; sleeper <= 3 * WakerShelf::kMost; ++sleeper) {
    forgotten += shelf.put(waker(sleeper, sleeper, 100));
    ASSERT_LE(shelf.size(), WakerShelf::kMost);
  }
  EXPECT_EQ(forgotten, 2 * WakerShelf::kMost * 100);
  EXPECT_EQ(shelf.take(2 * WakerShelf::kMost).stack, nullptr);
  EXPECT_NE(shelf.take(2 * WakerShelf::kMost + 1).stack, nullptr);
  const auto last = shelf.take(3 * WakerShelf::kMost);
  ASSERT_NE(last.raw, nullptr);
  EXPECT_EQ(last.raw->stack.size(), 100U);
}

}  // namespace
}  // namespace hostlens::symbols
