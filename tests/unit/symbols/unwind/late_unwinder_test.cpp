// SPDX-License-Identifier: Apache-2.0
// The unwinder that also runs in the kernel, over tables made by hand: each kind of row leads to
// the caller that bpf/records/unwind.h promises, and each way to fail has its outcome.
#include "symbols/unwind/late_unwinder.h"

#include <gtest/gtest.h>

#include <cstring>

#include "decoders/profile_decoder.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kBias = 0x7f0000000000;
constexpr uint64_t kCode = kBias + 0x10000;
constexpr uint64_t kStack = 0x7ffc00000000;

unwind_row row(uint16_t pc, uint8_t kind, int offset, uint8_t rbp_kind = UNWIND_RBP_SAME,
               int8_t rbp = 0, int8_t rbx = 0) {
  return {pc, kind, rbp_kind, static_cast<uint16_t>(offset), rbp, rbx};
}
/// The caller of everything: at kCode + 0x1000.
constexpr uint64_t kCaller = kCode + 0x1001;

class LateUnwinderTest : public ::testing::Test, public UnwindMemory {
 protected:
  LateUnwinderTest() {
    unwind_mapping mapping{kCode, kCode + 0x10000, kBias, 1, 0};
    words_.resize(100);
    std::memcpy(words_.data(), &mapping, sizeof mapping);
    input_.space = {0, 1, 0, {}};
    input_.pc = kCode + 0x10;
    input_.stack_start = kStack;
    input_.registers[UNWIND_RSP] = kStack;
    input_.registers[UNWIND_RBP] = kStack + 0x40;
  }

  UnwindOutput unwind(std::vector<unwind_row> rows, std::vector<uint64_t> stack) {
    rows.push_back(row(0x1000, UNWIND_CFA_STOP, 0));
    words_[8].page = {10, static_cast<uint16_t>(rows.size()), 0};
    for (size_t i = 0; i < rows.size(); ++i) words_[10 + i].row = rows[i];
    stack_ = std::move(stack);
    input_.stack = {reinterpret_cast<const std::byte*>(stack_.data()), stack_.size() * 8};
    return unwind_late(*this, input_);
  }
  /// It ended well after just the two frames.
  static void expect_caller(const UnwindOutput& output) {
    EXPECT_EQ(output.outcome, PROFILE_COMPLETE);
    ASSERT_EQ(output.frames.size(), 2U);
    decoders::ProfileFrame frame;
    ASSERT_EQ(decoders::decode_frame(std::span(output.frames).subspan(0), frame), 1U);
    EXPECT_EQ(frame, (decoders::ProfileFrame{PROFILE_FRAME_FILE, false, 1, 0x10010}));
    ASSERT_EQ(decoders::decode_frame(std::span(output.frames).subspan(1), frame), 1U);
    EXPECT_EQ(frame, (decoders::ProfileFrame{PROFILE_FRAME_FILE, true, 1, kCaller - kBias}));
  }

  [[nodiscard]] const unwind_word* word(uint32_t index) const override {
    return index < words_.size() ? &words_[index] : nullptr;
  }
  [[nodiscard]] unwind_executable* executable(uint32_t number) const override {
    return number == 1 ? &executable_ : nullptr;
  }

  std::vector<unwind_word> words_;
  mutable unwind_executable executable_{8, 1, 1, 0};
  UnwindInput input_;
  std::vector<uint64_t> stack_;
};

TEST_F(LateUnwinderTest, FollowsEachKindOfRow) {
  expect_caller(unwind({row(0, UNWIND_CFA_RSP, 2)}, {0, kCaller, 0}));
  expect_caller(unwind({row(0, UNWIND_CFA_RBP, 2, UNWIND_RBP_CFA, -2)},
                       {0, 0, 0, 0, 0, 0, 0, 0, 0, kCaller}));
  input_.pc = kCode + 0x1b;  // the index is pushed
  const UnwindOutput pushed = unwind({row(0, UNWIND_CFA_PLT, 11)}, {0, kCaller});
  EXPECT_EQ(pushed.outcome, PROFILE_COMPLETE);
  input_.pc = kCode + 0x10;  // and is not yet
  expect_caller(unwind({row(0, UNWIND_CFA_PLT, 11)}, {kCaller}));
  expect_caller(unwind({row(0, UNWIND_CFA_RSP_DEREF, 0x0101)}, {0, kStack + 0x18, 0, kCaller}));
  expect_caller(
      unwind({row(0, UNWIND_CFA_RBP_DEREF, 0xff)}, {0, 0, 0, 0, kCaller, 0, 0, kStack + 0x28}));
  expect_caller(unwind({row(0, UNWIND_CFA_FRAME_POINTER, 0)},
                       {0, 0, 0, 0, 0, 0, 0, 0, kStack + 0x80, kCaller}));
  input_.registers[UNWIND_R9] = 2;
  expect_caller(
      unwind({row(0, UNWIND_CFA_RSP_R9_DEREF, 0x0101)}, {0, 0, 0, kStack + 0x20, kCaller, 0}));
  input_.registers[12] = kStack + 0x10;
  expect_caller(unwind({row(0, UNWIND_CFA_REGISTER + 12, 1)}, {0, 0, kCaller}));
  input_.registers[12] = kStack + 0x10 - UNWIND_REGISTER_FAR_BYTES;
  expect_caller(unwind({row(0, UNWIND_CFA_REGISTER_FAR + 12, 1)}, {0, 0, kCaller}));
  input_.registers[UNWIND_RDI] = kCaller;
  expect_caller(unwind({row(0, UNWIND_CFA_RA_REGISTER, UNWIND_RDI << 8)}, {0}));
}

TEST_F(LateUnwinderTest, AFrameMayBeOnAnotherStackBelow) {
  // rsp is in the middle, the frame that rbp belongs to below it.
  input_.registers[UNWIND_RSP] = kStack + 0x80;
  input_.registers[UNWIND_RBP] = kStack + 0x10;
  const std::vector<uint64_t> stack{0, 0, 0, kCaller, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  expect_caller(unwind({row(0, UNWIND_CFA_RBP_ELSEWHERE, 2, UNWIND_RBP_CFA, -2)}, stack));
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RBP, 2, UNWIND_RBP_CFA, -2)}, stack).outcome,
            PROFILE_STACK_ORDER);
}

TEST_F(LateUnwinderTest, ASignalFrameRestoresTheInterruptedOnesRegisters) {
  // rsp is the context; r12, rbp, rbx, rsp and rip of what was interrupted are in it.
  std::vector<uint64_t> stack(40);
  stack[UNWIND_UCONTEXT_R8 / 8 + 4] = kStack + 0x110;
  stack[UNWIND_UCONTEXT_RSP / 8] = kStack + 0x100;
  stack[UNWIND_UCONTEXT_RIP / 8] = kCode + 0x2000;
  stack[0x110 / 8] = kCaller;
  words_[8].page.count = 0;
  const UnwindOutput output =
      unwind({row(0, UNWIND_CFA_SIGNAL, 0), row(0x100, UNWIND_CFA_INVALID, 0)}, stack);
  // The stop row holds at 0x2000 too: exact, as nothing returns there.
  ASSERT_EQ(output.frames.size(), 2U);
  decoders::ProfileFrame frame;
  ASSERT_EQ(decoders::decode_frame(std::span(output.frames).subspan(1), frame), 1U);
  EXPECT_EQ(frame, (decoders::ProfileFrame{PROFILE_FRAME_FILE, false, 1, 0x12000}));
  EXPECT_EQ(output.outcome, PROFILE_COMPLETE);
}

TEST_F(LateUnwinderTest, ARegisterOfACallerIsNotGuessed) {
  constexpr uint8_t kR12 = UNWIND_CFA_REGISTER + 12;
  const UnwindOutput output =
      unwind({row(0, UNWIND_CFA_RSP, 1), row(0x100, kR12, 1)}, {kCode + 0x101, kCaller});
  EXPECT_EQ(output.outcome, PROFILE_REGISTER_LOST);
  EXPECT_EQ(output.frames.size(), 2U);
}

TEST_F(LateUnwinderTest, RbxIsFollowedThroughCallers) {
  constexpr uint8_t kRbx = uint8_t{UNWIND_CFA_REGISTER} + uint8_t{UNWIND_RBX};
  // The first frame saved it at its CFA - 16; the second one's CFA is rbx + 8.
  const UnwindOutput output =
      unwind({row(0, UNWIND_CFA_RSP, 2, UNWIND_RBP_SAME, 0, -2), row(0x100, kRbx, 1)},
             {kStack + 0x18, kCode + 0x101, 0, kCaller});
  EXPECT_EQ(output.outcome, PROFILE_COMPLETE);
  EXPECT_EQ(output.frames.size(), 3U);
}

TEST_F(LateUnwinderTest, EachWayToFailHasItsOutcome) {
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RSP, 0)}, {kCaller}).outcome, PROFILE_STACK_ORDER);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RSP, 1)}, {0}).outcome, PROFILE_ENDED);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RSP, 1)}, {0x1234}).outcome, PROFILE_NO_MAPPING);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RSP, 9)}, {0}).outcome, PROFILE_TRUNCATED) << "of the copy";
  input_.registers[UNWIND_RBP] = 3;
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RBP, 2)}, {0}).outcome, PROFILE_STACK_ORDER);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_RBP_DEREF, 0)}, {0}).outcome, PROFILE_MEMORY_FAULT);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_INVALID, UNWIND_INVALID_GAP)}, {0}).outcome, PROFILE_NO_ROW);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_INVALID, UNWIND_INVALID_EXPRESSION)}, {0}).outcome,
            PROFILE_EXPRESSION);
  EXPECT_EQ(unwind({row(0, UNWIND_CFA_FRAME_POINTER, 0)}, {0}).outcome, PROFILE_FRAME_POINTER);
  words_[8].page.count = 0;
  executable_.pages = 0;
  EXPECT_EQ(unwind({}, {0}).outcome, PROFILE_NO_TABLE);
  executable_.directory = 5000;
  executable_.pages = 1;
  EXPECT_EQ(unwind({}, {0}).outcome, PROFILE_TABLE_TORN);
}

TEST_F(LateUnwinderTest, AGuessIsMarkedAndAWrongOneIsNotAFrame) {
  const std::vector<unwind_row> rows{row(0, UNWIND_CFA_INVALID, UNWIND_INVALID_GAP)};
  std::vector<uint64_t> stack(12);
  stack[9] = kCaller;
  const UnwindOutput right = unwind(rows, stack);
  expect_caller(right);
  EXPECT_TRUE(right.guessed);
  stack[9] = 0x1234;
  const UnwindOutput wrong = unwind(rows, stack);
  EXPECT_EQ(wrong.outcome, PROFILE_NO_ROW);
  EXPECT_EQ(wrong.frames.size(), 1U);
}

TEST_F(LateUnwinderTest, ATooDeepStackKeepsItsLeaf) {
  const UnwindOutput output =
      unwind({row(0, UNWIND_CFA_RSP, 1)}, std::vector<uint64_t>(300, kCode + 0x21));
  EXPECT_EQ(output.outcome, PROFILE_TRUNCATED);
  ASSERT_EQ(output.frames.size(), size_t{UNWIND_FRAMES_MAX});
  decoders::ProfileFrame frame;
  ASSERT_EQ(decoders::decode_frame(std::span(output.frames).subspan(0), frame), 1U);
  EXPECT_EQ(frame.address, 0x10010U);
}

TEST_F(LateUnwinderTest, CodeThatIsTooNewIsGuessedWhereCodeIsMade) {
  input_.pc = 0x1000;
  std::vector<uint64_t> stack(12);
  stack[9] = kCaller;
  EXPECT_EQ(unwind({}, stack).outcome, PROFILE_NO_MAPPING);
  input_.space.flags = UNWIND_SPACE_JIT;
  const UnwindOutput output = unwind({}, stack);
  EXPECT_EQ(output.outcome, PROFILE_COMPLETE);
  EXPECT_TRUE(output.guessed);
  EXPECT_EQ(output.frames.size(), 2U);
}

/// Three frames of code in no mapping: of a type, of a function, and one that is none of V8's.
TEST_F(LateUnwinderTest, FramesOfV8TellTheirFunctions) {
  constexpr uint64_t kFunction = 0x1234567801;
  constexpr uint64_t kContext = 0x1234560009;
  constexpr uint64_t kType = 2 * 17;
  input_.pc = 0x1000;
  input_.registers[UNWIND_RBP] = kStack + 0x10;
  const std::vector<uint64_t> stack{0,         kType,    kStack + 0x30, 0x2000,
                                    kFunction, kContext, kStack + 0x50, 0x3000,
                                    0x1002,    kContext, kStack + 0x60, kCaller};
  input_.space.flags = UNWIND_SPACE_JIT;
  EXPECT_TRUE(unwind({}, stack).v8_functions.empty()) << "there is no V8";
  input_.space.flags = UNWIND_SPACE_JIT | UNWIND_SPACE_V8;
  const UnwindOutput output = unwind({}, stack);
  EXPECT_EQ(output.outcome, PROFILE_COMPLETE);
  EXPECT_EQ(output.frames.size(), 4U);
  const std::vector<uint64_t> expected{kType, uint64_t{1} << V8_FRAME_INDEX_SHIFT | kFunction};
  EXPECT_EQ(output.v8_functions, expected);
}

TEST_F(LateUnwinderTest, WhatIsBelowTheStackIsNoSlotOfAFrame) {
  input_.pc = 0x1000;
  input_.registers[UNWIND_RBP] = kStack + 0x10;
  input_.registers[UNWIND_RSP] = kStack + 0x8;
  input_.space.flags = UNWIND_SPACE_JIT | UNWIND_SPACE_V8;
  EXPECT_TRUE(unwind({}, {0x1001, 0x1009, kStack + 0x30, kCaller}).v8_functions.empty());
}

}  // namespace
}  // namespace hostlens::symbols
