// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/stack_tree.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

TEST(StackTreeTest, WhatPassesIsGoneWhenItsTimeIsOver) {
  StackTree tree;
  NamedStack passing;
  passing.expires_ns = 100;
  tree.put(1, passing);
  tree.put(2, {});
  EXPECT_NE(tree.find(1, 99), nullptr);
  EXPECT_EQ(tree.find(1, 100), nullptr);
  EXPECT_NE(tree.find(2, UINT64_MAX - 1), nullptr);
  passing.expires_ns = 200;
  tree.put(1, passing);
  EXPECT_NE(tree.find(1, 100), nullptr) << "named again";
}

TEST(StackTreeTest, IsBounded) {
  StackTree tree;
  for (uint64_t key = 0; key < 3 * StackTree::kMost; ++key) tree.put(key * 7, {});
  EXPECT_LE(tree.size(), StackTree::kMost);
  EXPECT_NE(tree.find((3 * StackTree::kMost - 1) * 7, 0), nullptr) << "the last one";
}

}  // namespace
}  // namespace hostlens::symbols
