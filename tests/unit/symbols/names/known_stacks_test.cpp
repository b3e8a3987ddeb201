// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/known_stacks.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

TEST(KnownStacksTest, WhatPassesIsGoneWhenItsTimeIsOver) {
  KnownStacks stacks;
  NamedStack passing;
  passing.expires_ns = 100;
  stacks.put(1, passing);
  stacks.put(2, {});
  EXPECT_NE(stacks.find(1, 99), nullptr);
  EXPECT_EQ(stacks.find(1, 100), nullptr);
  EXPECT_NE(stacks.find(2, UINT64_MAX - 1), nullptr);
  passing.expires_ns = 200;
  stacks.put(1, passing);
  EXPECT_NE(stacks.find(1, 100), nullptr) << "named again";
}

TEST(KnownStacksTest, IsBounded) {
  KnownStacks stacks;
  for (uint64_t key = 0; key < 3 * KnownStacks::kMost; ++key) stacks.put(key * 7, {});
  EXPECT_LE(stacks.size(), KnownStacks::kMost);
  EXPECT_NE(stacks.find((3 * KnownStacks::kMost - 1) * 7, 0), nullptr) << "the last one";
}

}  // namespace
}  // namespace hostlens::symbols
