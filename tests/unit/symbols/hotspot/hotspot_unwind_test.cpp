// SPDX-License-Identifier: Apache-2.0
// The part of the kernel's unwinder that knows HotSpot, over a code cache made by hand: each state
// that an instruction can find a frame in leads to its caller.
#include <gtest/gtest.h>

#include <cstring>

#include "decoders/profile_decoder.h"
#include "symbols/unwind/late_unwinder.h"
#include "unit/symbols/hotspot/fake_machine.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kHeap = 0x7f0000000000;
constexpr uint64_t kSegments = 0x7e0000000000;
constexpr uint64_t kInterpreter = kHeap + 0x1000;
constexpr uint64_t kStubs = kHeap + 0x2000;  // a block with a frameless blob
constexpr uint64_t kEntryReturn = kStubs + 0x100;
constexpr uint64_t kCompiled = kHeap + 0x4000;  // a block with a compiled method
constexpr uint64_t kCode = kCompiled + 0x100;
constexpr uint64_t kCaller = kHeap + 0x6000;  // another one: what everything returns to
constexpr uint64_t kReturn = kCaller + 0x150;
constexpr uint64_t kStack = 0x7ffc00000000;
constexpr uint64_t kMethod = 0x100000;
constexpr uint64_t kConst = kMethod + 0x100;
constexpr uint32_t kFrameWords = 6;
constexpr uint32_t kComplete = 16;

class HotspotUnwindTest : public ::testing::Test, public UnwindMemory {
 protected:
  HotspotUnwindTest() {
    hotspot_space& space = input_.hotspot.emplace();
    space.heaps[1] = {kHeap, kHeap + 0x10000, kSegments};
    space.interpreter_start = kInterpreter;
    space.interpreter_limit = kInterpreter + 0x1000;
    space.entry_return = kEntryReturn;
    space.blob_name = 8;
    space.blob_frame_size = 16;
    space.blob_frame_complete = 20;
    space.blob_code = 24;
    space.nmethod_compile_id = 32;
    space.method_const = 8;
    space.const_method_bytes = 48;
    space.block_header = 16;
    space.segment_shift = 7;
    space.frame_complete_bytes = 4;
    block(kInterpreter, kStubs);
    block(kStubs, kCompiled);
    block(kCompiled, kCaller);
    block(kCaller, kHeap + 0x8000);
    machine_.put_text(0x5000, "nmethod");
    machine_.put_text(0x5100, "StubRoutines (1)");
    blob(kInterpreter, 0x5100, 0);
    blob(kStubs, 0x5100, 0);
    blob(kCompiled, 0x5000, kFrameWords);
    blob(kCaller, 0x5000, 4);
    put_method(machine_, kMethod, "A", "b", "");
    input_.space = {0, 0, UNWIND_SPACE_HOTSPOT, {}};
    input_.stack_start = kStack;
    input_.registers[UNWIND_RSP] = kStack;
    input_.registers[UNWIND_RBP] = 0xbbbb;
  }
  void block(uint64_t start, uint64_t limit) {
    uint8_t back = 0;
    for (uint64_t at = start; at < limit; at += 128) {
      machine_.put(kSegments + (at - kHeap) / 128, back);
      back = back == 0xfe ? 1 : static_cast<uint8_t>(back + 1);
    }
  }
  void blob(uint64_t start, uint64_t name, uint32_t words) {
    machine_.zero(start, 0x400);
    machine_.put(start + 16 + 8, name);
    machine_.put(start + 16 + 16, words);
    machine_.put(start + 16 + 20, kComplete);
    machine_.put(start + 16 + 24, start + 0x100);
    machine_.put(start + 16 + 32, uint32_t{77});
  }
  [[nodiscard]] const unwind_word* word(uint32_t /*index*/) const override { return nullptr; }
  [[nodiscard]] unwind_executable* executable(uint32_t /*number*/) const override {
    return nullptr;
  }
  [[nodiscard]] bool read(void* to, uint32_t bytes, uint64_t from) const override {
    const auto got = machine_.read_memory(kProcess, from, bytes);
    if (!got || got->size() != bytes) return false;
    std::memcpy(to, got->data(), bytes);
    return true;
  }
  std::vector<decoders::ProfileFrame> unwind(uint64_t pc, std::vector<uint64_t> stack) {
    input_.pc = pc;
    stack.resize(64);
    stack_ = std::move(stack);
    input_.stack = {reinterpret_cast<const std::byte*>(stack_.data()), stack_.size() * 8};
    const UnwindOutput output = unwind_late(*this, input_);
    guessed_ = output.guessed;
    std::vector<decoders::ProfileFrame> frames;
    for (size_t at = 0; at < output.frames.size();) {
      decoders::ProfileFrame frame;
      const size_t words = decoders::decode_frame(std::span(output.frames).subspan(at), frame);
      EXPECT_NE(words, 0U);
      if (words == 0) break;
      frames.push_back(frame);
      at += words;
    }
    return frames;
  }
  /// The second frame is that of the compiled caller, which then finds its own at rsp + 4 words.
  void expect_caller(const std::vector<decoders::ProfileFrame>& frames) {
    ASSERT_GE(frames.size(), 2U);
    EXPECT_EQ(frames[1].kind, PROFILE_FRAME_JAVA);
    EXPECT_EQ(frames[1].java, HOTSPOT_FRAME_COMPILED);
    EXPECT_EQ(frames[1].address, kReturn);
    EXPECT_EQ(frames[1].java_place, kReturn - kCaller - 16);
    EXPECT_TRUE(frames[1].is_return);
    EXPECT_FALSE(guessed_);
  }
  void code(uint64_t at, std::initializer_list<int> bytes) { machine_.put_bytes(at, bytes); }

  mutable FakeMachine machine_;
  UnwindInput input_;
  std::vector<uint64_t> stack_;
  bool guessed_ = false;
};

TEST_F(HotspotUnwindTest, ACompiledFrameHasItsSize) {
  const auto frames = unwind(kCode + 0x20, {1, 2, 3, 4, 0xb1, kReturn});
  expect_caller(frames);
  EXPECT_EQ(frames[0].java, HOTSPOT_FRAME_COMPILED);
  EXPECT_EQ(frames[0].java_check, 77U);
  EXPECT_EQ(frames[0].java_place, 0x110U);
  EXPECT_FALSE(frames[0].is_return);
}

TEST_F(HotspotUnwindTest, CallersOfCompiledCodeGoOn) {
  // kReturn's frame has four words: the next return address is at the tenth word.
  const auto frames =
      unwind(kCode + 0x20, {1, 2, 3, 4, 0xb1, kReturn, 1, 2, 0xb2, kReturn + 4, 0, 0, 0, 0});
  ASSERT_GE(frames.size(), 3U);
  EXPECT_EQ(frames[2].address, kReturn + 4);
}

TEST_F(HotspotUnwindTest, AtItsBeginningTheFrameIsNotThereYet) {
  code(kCode, {0x89, 0x84, 0x24, 0, 0, 0, 0, 0x55, 0x48, 0x83, 0xec, 0x20});
  expect_caller(unwind(kCode, {kReturn, 1, 2, 3, 4, kReturn + 8}));
  expect_caller(unwind(kCode + 7, {kReturn, 1, 2, 3, 4, kReturn + 8}));  // push rbp is next
  expect_caller(unwind(kCode + 8, {0xb1, kReturn, 1, 2, 3, kReturn + 8}));
  // push rbp; mov rbp, rsp; sub
  code(kCode, {0x55, 0x48, 0x8b, 0xec, 0x48, 0x83, 0xec, 0x20});
  expect_caller(unwind(kCode + 1, {0xb1, kReturn}));
  expect_caller(unwind(kCode + 4, {0xb1, kReturn}));
}

TEST_F(HotspotUnwindTest, ASmallFrameSavesRbpLast) {
  code(kCode, {0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0x6c, 0x24, 0x20});
  expect_caller(unwind(kCode + 4, {1, 2, 3, 4, 5, kReturn}));
}

TEST_F(HotspotUnwindTest, ABarrierAtTheEntryIsBehindTheFrame) {
  code(kCode + 4, {0x41, 0x81, 0x7f, 0x20, 1, 0, 0, 0, 0x0f, 0x85});
  expect_caller(unwind(kCode + 4, {kReturn + 8, 2, 3, 4, 0xb1, kReturn}));
  expect_caller(unwind(kCode + 12, {kReturn + 8, 2, 3, 4, 0xb1, kReturn}));
}

TEST_F(HotspotUnwindTest, AtItsEndTheFrameIsGone) {
  const uint64_t at = kCode + 0x40;
  code(at, {0x48, 0x83, 0xc4, 0x20, 0x5d, 0x49, 0x3b, 0xa7, 0x40, 3, 0, 0, 0x0f, 0x87, 0, 0, 0, 0,
            0xc3});
  expect_caller(unwind(at, {1, 2, 3, 4, 0xb1, kReturn}));       // add rsp is next
  expect_caller(unwind(at + 4, {0xb1, kReturn}));               // pop rbp
  expect_caller(unwind(at + 5, {kReturn, 1, 2, 3, 4, 0xbad}));  // cmp rsp, [r15 + 0x340]
  expect_caller(unwind(at + 12, {kReturn, 1, 2, 3, 4, 0xbad}));
  expect_caller(unwind(at + 18, {kReturn, 1, 2, 3, 4, 0xbad}));  // ret
  code(at, {0x5d, 0x49, 0x3b, 0x67, 0x40, 0x0f, 0x87, 0, 0, 0, 0, 0xc3});
  expect_caller(unwind(at + 1, {kReturn}));
  expect_caller(unwind(at + 5, {kReturn}));
  // Before 16.
  code(at, {0x5d, 0x4d, 0x8b, 0x97, 8, 1, 0, 0, 0x41, 0x85, 0x02, 0xc3});
  expect_caller(unwind(at + 1, {kReturn}));
  expect_caller(unwind(at + 8, {kReturn}));
}

TEST_F(HotspotUnwindTest, AnInterpretedFrameHasMethodAndBytecode) {
  // rbp is the tenth word.
  input_.registers[UNWIND_RBP] = kStack + 80;
  std::vector<uint64_t> stack(20);
  stack[10 - 8] = kConst + 48 + 9;  // bcp
  stack[10 - 3] = kMethod;
  stack[10 - 1] = kStack + 13 * 8;  // its caller's rsp
  stack[10] = 0xb1;
  stack[11] = kReturn;
  const auto frames = unwind(kInterpreter + 0x500, stack);
  expect_caller(frames);
  EXPECT_EQ(frames[0].java, HOTSPOT_FRAME_INTERPRETED);
  EXPECT_EQ(frames[0].address, kMethod);
  EXPECT_EQ(frames[0].java_place, 9U);
  EXPECT_EQ(frames[0].java_check, hotspot_method_check(kConst));
  // At work, the index is in r13.
  input_.registers[13] = kConst + 48 + 12;
  EXPECT_EQ(unwind(kInterpreter + 0x500, stack)[0].java_place, 12U);
  stack[10 - 8] = 0;  // a native method
  EXPECT_EQ(unwind(kInterpreter + 0x500, stack)[0].java_place, uint32_t{HOTSPOT_PLACE_UNKNOWN});
}

TEST_F(HotspotUnwindTest, AtTheEntryOfAMethodTheReturnAddressIsWhereItIs) {
  expect_caller(unwind(kInterpreter + 0x500, {kReturn}));        // not taken off yet
  expect_caller(unwind(kInterpreter + 0x500, {0xb1, kReturn}));  // rbp is pushed
  input_.registers[UNWIND_RAX] = kReturn;
  input_.registers[13] = kStack + 24;
  expect_caller(unwind(kInterpreter + 0x500, {0, 0, 0}));
}

TEST_F(HotspotUnwindTest, JavaIsCalledByNativeCodeThroughAnEntryFrame) {
  // What kCode returns to is the entry; its rbp leads to a caller in no known mapping.
  std::vector<uint64_t> stack{1, 2, 3, 4, kStack + 20 * 8, kEntryReturn};
  stack.resize(30);
  stack[20] = 0xb2;
  stack[21] = 0x4444;
  const auto frames = unwind(kCode + 0x20, stack);
  ASSERT_GE(frames.size(), 3U);
  EXPECT_EQ(frames[1].java, HOTSPOT_FRAME_STUB);
  EXPECT_EQ(frames[1].address, kEntryReturn);
  EXPECT_EQ(frames[2].kind, PROFILE_FRAME_UNKNOWN);
  EXPECT_EQ(frames[2].address, 0x4444U);
}

TEST_F(HotspotUnwindTest, AStubReturnsByRspOrRbp) {
  expect_caller(unwind(kStubs + 0x200, {kReturn}));
  input_.registers[UNWIND_RBP] = kStack + 32;
  expect_caller(unwind(kStubs + 0x200, {1, 2, 3, 4, 0xb1, kReturn}));
}

TEST_F(HotspotUnwindTest, WhatIsFoundByLookingForItIsAGuess) {
  const auto frames = unwind(kStubs + 0x200, {1, 2, 3, kReturn});
  ASSERT_GE(frames.size(), 2U);
  EXPECT_EQ(frames[1].address, kReturn);
  EXPECT_TRUE(guessed_);
}

TEST_F(HotspotUnwindTest, AReturnAddressThatIsNoneEndsTheStack) {
  input_.registers[UNWIND_RBP] = 3;
  EXPECT_EQ(unwind(kCode + 0x20, {1, 2, 3, 4, 5, 0x1234}).size(), 1U);
  EXPECT_EQ(unwind(kHeap + 0xff00, {1, 2, 3, 4, 5, 0x1234}).size(), 1U) << "no block is there";
}

TEST_F(HotspotUnwindTest, AMapThatLeadsNowhereIsNotFollowed) {
  for (uint64_t i = 0; i < 0x200; ++i) machine_.put(kSegments + i, uint8_t{1});
  EXPECT_EQ(unwind(kCode + 0x20, {1, 2, 3, 4, 0xb1, kReturn})[0].kind, PROFILE_FRAME_ANONYMOUS);
}

}  // namespace
}  // namespace hostlens::symbols
