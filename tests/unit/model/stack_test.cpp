// SPDX-License-Identifier: Apache-2.0
#include "model/stack.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/profile.h"

namespace hostlens::model {
namespace {

std::string text_of(const Stack& stack) {
  std::string text;
  for (const Frame& frame : stack) text += frame.function->name + ';';
  return text;
}

TEST(StackTest, GoesFromTheLeafToTheRoot) {
  const Stack stack = Stack::of(std::vector{mark_frame("leaf"), mark_frame("main")});
  EXPECT_EQ(text_of(stack), "leaf;main;");
  EXPECT_EQ(stack.leaf().function->name, "leaf");
  EXPECT_EQ(stack.root().function->name, "main");
  EXPECT_EQ(stack.depth(), 2U);
  EXPECT_TRUE(Stack::of({}).empty());
  EXPECT_EQ(Stack().depth(), 0U);
}

TEST(StackTest, StacksUponOneStackShareItAndDoNotChangeIt) {
  Stack callers = Stack::of(std::vector{mark_frame("main")});
  EXPECT_FALSE(callers.is_shared());
  Stack a = callers;
  EXPECT_TRUE(callers.is_shared());
  Stack b = callers;
  a.push(mark_frame("a"));
  b.push(mark_frame("b"));
  EXPECT_EQ(text_of(callers), "main;");
  EXPECT_EQ(text_of(a), "a;main;");
  EXPECT_EQ(text_of(b), "b;main;");
  EXPECT_EQ((++a.begin()).id(), (++b.begin()).id());
  EXPECT_NE(a.begin().id(), b.begin().id());
  a.pop();
  EXPECT_EQ(a.begin().id(), callers.begin().id());
  EXPECT_EQ(text_of(b), "b;main;");
}

TEST(StackTest, CountsItsFramesByKindAndName) {
  Frame nameless;
  nameless.kind = Frame::Kind::kNative;
  Frame kernel = mark_frame("schedule");
  kernel.kind = Frame::Kind::kKernel;
  const Stack stack = Stack::of(std::vector{kernel, nameless, nameless});
  const auto of = [&stack](Frame::Kind kind) { return stack.counts()[static_cast<size_t>(kind)]; };
  EXPECT_EQ(of(Frame::Kind::kKernel), (std::array<uint16_t, 2>{0, 1}));
  EXPECT_EQ(of(Frame::Kind::kNative), (std::array<uint16_t, 2>{2, 0}));
  EXPECT_EQ(of(Frame::Kind::kJava), (std::array<uint16_t, 2>{0, 0}));
  EXPECT_EQ(Stack().counts(), Stack::Counts{});
}

TEST(StackTest, GoesAwayHoweverDeepItIs) {
  const Frame frame = mark_frame("recursion");
  Stack stack;
  Stack middle;
  for (int i = 0; i < 1'000'000; ++i) {
    stack.push(frame);
    if (i == 500'000) middle = stack;
  }
  EXPECT_EQ(stack.counts()[0][1], 65'535) << "as many as are counted";
  stack = {};
  EXPECT_EQ(middle.depth(), 500'001U);
}

}  // namespace
}  // namespace hostlens::model
