// SPDX-License-Identifier: Apache-2.0
#include "model/key_table.h"

#include <gtest/gtest.h>

#include <string>

namespace hostlens::model {
namespace {

TEST(KeyTableTest, FindsWhatWasPutLast) {
  KeyTable<std::string> table;
  EXPECT_EQ(table.find(0), nullptr);
  for (uint64_t key = 0; key < 1000; ++key) table.put(key << 32U | key, std::to_string(key));
  table.put(uint64_t{7} << 32U | 7, "again");
  EXPECT_EQ(table.size(), 1000U);
  EXPECT_EQ(*table.find(uint64_t{7} << 32U | 7), "again");
  EXPECT_EQ(*table.find(uint64_t{999} << 32U | 999), "999");
  EXPECT_EQ(table.find(7), nullptr) << "both halves count";
}

TEST(KeyTableTest, IsEmptyOnceItIsCleared) {
  KeyTable<std::string> table;
  table.put(1, "one");
  table.clear();
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.put(1, "two"), "two");
}

}  // namespace
}  // namespace hostlens::model
