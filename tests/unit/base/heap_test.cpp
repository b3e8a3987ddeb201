// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace hostlens::base {
namespace {

/// Of this process, in MiB.
double anonymous() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib / 1024;
  }
  return -1;
}

TEST(HeapTest, WhatWasAllocatedInPiecesGoesBackThoughSomeOfItStays) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep what was freed";
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "sanitizers keep what was freed";
#endif
#endif
  constexpr size_t kPieces = 64 << 10;
  const double before = anonymous();
  ASSERT_GT(before, 0);
  std::vector<std::unique_ptr<std::vector<char>>> pieces;
  std::vector<std::unique_ptr<std::vector<char>>> stay;
  for (size_t i = 0; i < kPieces; ++i) {
    pieces.push_back(std::make_unique<std::vector<char>>(1000, 'x'));
    // Among all others, as what a storm of programs leaves behind: of another size.
    if (i % 16 == 0) stay.push_back(std::make_unique<std::vector<char>>(100, 'y'));
  }
  EXPECT_GT(anonymous(), before + 60);
  pieces.clear();
  pieces.shrink_to_fit();
  give_heap_back();
  EXPECT_LT(anonymous(), before + 8);
}

}  // namespace
}  // namespace hostlens::base
