// SPDX-License-Identifier: Apache-2.0
#include "model/pair_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace hostlens::model {
namespace {

TEST(PairIndexTest, FindsWhatAMapFinds) {
  std::mt19937 random(3);
  PairIndex index;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> expected;
  EXPECT_FALSE(index.find(0, 0));
  for (uint32_t i = 0; i < 20'000; ++i) {
    const std::pair<uint32_t, uint32_t> pair(random() % 300, random() % 300);
    const auto found = index.find(pair.first, pair.second);
    const auto known = expected.find(pair);
    ASSERT_EQ(found.has_value(), known != expected.end());
    if (found) {
      ASSERT_EQ(*found, known->second);
    } else {
      index.insert(pair.first, pair.second, i);
      expected.emplace(pair, i);
    }
  }
  for (const auto& [pair, value] : expected) EXPECT_EQ(index.find(pair.first, pair.second), value);
}

TEST(PairIndexTest, TheLargestNumbersAreNumbersLikeOthers) {
  PairIndex index;
  index.insert(0, 0, 0);
  index.insert(~0U, ~0U, ~0U - 1);
  EXPECT_EQ(index.find(0, 0), 0U);
  EXPECT_EQ(index.find(~0U, ~0U), ~0U - 1);
  EXPECT_FALSE(index.find(0, ~0U));
}

}  // namespace
}  // namespace hostlens::model
