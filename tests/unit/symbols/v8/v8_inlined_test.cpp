// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_inlined.h"

#include <gmock/gmock.h>

#include "unit/symbols/v8/dumped.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

/// Of Node.js 22.
class V8InlinedTest : public testing::Test {
 protected:
  void SetUp() override {
    auto layout = v8_layout_of(dumped_.values);
    ASSERT_TRUE(layout) << layout.error().text();
    layout_ = *std::move(layout);
    for (const auto& inlined : code_.inlined) {
      if (inlined.functions.size() >= 2) address_ = code_.begin + inlined.offset;
      if (inlined.functions.size() >= 2) functions_ = inlined.functions;
    }
    ASSERT_NE(address_, 0U);
  }
  decoders::V8Frame frame() const { return {.frame = 3, .shared = code_.function.shared}; }
  std::vector<uint64_t> at(V8Inlined& inlined, uint64_t address, uint64_t now_ns = 0) {
    std::vector<uint64_t> functions;
    for (const auto& one : inlined.at(process_, layout_, frame(), address, now_ns)) {
      functions.push_back(one.shared);
      EXPECT_EQ(one.frame, 3U);
      EXPECT_NE(one.name, 0U);
    }
    return functions;
  }
  const model::ProcessKey process_{7, 100};
  DumpedV8 dumped_ = dumped_v8_code("22");
  const DumpedV8::Code code_ = dumped_.codes[0];
  V8Layout layout_;
  uint64_t address_ = 0;
  std::vector<uint64_t> functions_;
};

TEST_F(V8InlinedTest, FunctionsAreToldInnermostFirst) {
  V8Inlined inlined(dumped_.memory);
  EXPECT_EQ(at(inlined, address_), functions_);
  EXPECT_THAT(at(inlined, code_.begin), testing::IsEmpty());
  EXPECT_EQ(inlined.figures().read, 1U);
}

TEST_F(V8InlinedTest, CodeIsReadOnceAndCheckedNowAndThen) {
  V8Inlined inlined(dumped_.memory);
  (void)at(inlined, address_);
  const size_t reads = dumped_.memory.reads;
  EXPECT_LE(reads, 32U);
  EXPECT_EQ(at(inlined, address_, 4 * kSecond), functions_);
  EXPECT_EQ(at(inlined, address_ + 1, 4 * kSecond), functions_);
  EXPECT_EQ(dumped_.memory.reads, reads);
  EXPECT_EQ(at(inlined, address_, 6 * kSecond), functions_);
  EXPECT_EQ(dumped_.memory.reads, reads + 2);
}

TEST_F(V8InlinedTest, OtherCodeInItsPlaceIsNoticed) {
  V8Inlined inlined(dumped_.memory);
  (void)at(inlined, address_);
  // Its Code object is another one's.
  dumped_.memory.write<uint64_t>(code_.begin - layout_.code->stream_start + 8,
                                 dumped_.codes[1].function.shared);
  EXPECT_EQ(at(inlined, address_, 4 * kSecond), functions_);
  EXPECT_THAT(at(inlined, address_, 6 * kSecond), testing::IsEmpty());
  EXPECT_EQ(inlined.figures().changed, 1U);
  EXPECT_EQ(inlined.figures().gone, 1U);
}

TEST_F(V8InlinedTest, AnotherFunctionsFrameIsNotToldOf) {
  V8Inlined inlined(dumped_.memory);
  const decoders::V8Frame other{.frame = 3, .shared = functions_[0]};
  EXPECT_THAT(inlined.at(process_, layout_, other, address_, 0), testing::IsEmpty());
  EXPECT_THAT(inlined.at(process_, layout_, other, address_, 1), testing::IsEmpty());
  EXPECT_GE(inlined.figures().other, 1U);
  EXPECT_EQ(at(inlined, address_, 2), functions_) << "its own frames are";
}

TEST_F(V8InlinedTest, WhatCannotBeReadIsTriedAgainLater) {
  V8Inlined inlined(dumped_.memory);
  auto pieces = std::move(dumped_.memory.pieces);
  dumped_.memory.pieces.clear();
  EXPECT_THAT(at(inlined, address_), testing::IsEmpty());
  dumped_.memory.pieces = std::move(pieces);
  EXPECT_THAT(at(inlined, address_, kSecond / 2), testing::IsEmpty());
  EXPECT_EQ(at(inlined, address_, kSecond), functions_);
  EXPECT_EQ(inlined.figures().untold, 2U);
}

TEST_F(V8InlinedTest, ProcessesDoNotShareCode) {
  V8Inlined inlined(dumped_.memory);
  (void)at(inlined, address_);
  EXPECT_THAT(inlined.at({8, 100}, layout_, frame(), address_, 0), testing::IsEmpty());
}

TEST_F(V8InlinedTest, TheLeastRecentlyUsedGo) {
  V8InlinedLimits limits;
  limits.codes = 1;
  V8Inlined inlined(dumped_.memory, limits);
  (void)at(inlined, address_);
  (void)at(inlined, dumped_.codes[1].begin);
  EXPECT_EQ(inlined.figures().evicted, 1U);
  const size_t reads = dumped_.memory.reads;
  EXPECT_EQ(at(inlined, address_), functions_);
  EXPECT_GT(dumped_.memory.reads, reads);
}

TEST_F(V8InlinedTest, AVersionThatDoesNotTellHasNone) {
  V8Inlined inlined(dumped_.memory);
  layout_.code.reset();
  EXPECT_THAT(at(inlined, address_), testing::IsEmpty());
  EXPECT_EQ(dumped_.memory.reads, 0U);
  EXPECT_EQ(inlined.figures().untold, 1U);
}

}  // namespace
}  // namespace hostlens::symbols
