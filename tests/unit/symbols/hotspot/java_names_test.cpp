// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/java_names.h"

#include <gtest/gtest.h>

#include "unit/symbols/hotspot/fake_machine.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kOuter = 0x10000;
constexpr uint64_t kInner = 0x11000;
constexpr uint64_t kNmethod = 0x20000;
constexpr uint32_t kBegin = 0x80;

class JavaNamesTest : public ::testing::Test {
 protected:
  JavaNamesTest() {
    put_method(machine_, kOuter, "a/Outer", "run", "Outer.java", {0xff, 0, 20, 0});
    put_method(machine_, kInner, "a/Inner", "step", "Inner.java", {0xff, 0, 40, 0});
    machine_.zero(kNmethod, layout_.nmethod_bytes);
    machine_.put(kNmethod + layout_.nmethod_method, kOuter);
    machine_.put(kNmethod + layout_.nmethod_compile_id, uint32_t{42});
    machine_.put(kNmethod + layout_.blob_code_begin, kNmethod + kBegin);
    machine_.put(kNmethod + layout_.metadata_offset, uint32_t{0x200});
    machine_.put(kNmethod + layout_.scopes_data_begin, kNmethod + 0x210);
    machine_.put(kNmethod + layout_.scopes_pcs_offset, uint32_t{0x220});
    machine_.put(kNmethod + layout_.dependencies_offset, uint32_t{0x240});
    machine_.put(kNmethod + 0x200, kOuter);
    machine_.put(kNmethod + 0x208, kInner);
    machine_.put_bytes(kNmethod + 0x210, {0, 0, 1, 6, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    machine_.put(kNmethod + 0x220, std::array<int32_t, 4>{-1, 0, 0, 0});
    machine_.put(kNmethod + 0x230, std::array<int32_t, 4>{0x10, 4, 0, 0});
  }
  static decoders::ProfileFrame interpreted(uint64_t method, uint32_t bytecode) {
    decoders::ProfileFrame frame{PROFILE_FRAME_JAVA, true, 0, method};
    frame.java = HOTSPOT_FRAME_INTERPRETED;
    frame.java_place = bytecode;
    frame.java_check = hotspot_method_check(method + 0x100);
    return frame;
  }
  static decoders::ProfileFrame compiled(uint32_t offset, uint32_t id, bool is_return) {
    decoders::ProfileFrame frame{PROFILE_FRAME_JAVA, is_return, 0, kNmethod + kBegin + offset};
    frame.java = HOTSPOT_FRAME_COMPILED;
    frame.java_place = kBegin + offset;
    frame.java_check = id;
    return frame;
  }
  decoders::ProfileFrame stub(const char* blob, bool is_return) {
    machine_.put(0x30000 + layout_.blob_name, uint64_t{0x31000});
    machine_.put_text(0x31000, blob);
    decoders::ProfileFrame frame{PROFILE_FRAME_JAVA, is_return, 0, 0x30040};
    frame.java = HOTSPOT_FRAME_STUB;
    frame.java_place = 0x40;
    return frame;
  }
  std::vector<model::Frame> name(JavaNames& names, const decoders::ProfileFrame& frame,
                                 uint64_t now_ns = 0) {
    std::vector<model::Frame> frames;
    const bool named = names.append(kProcess, layout_, frame, now_ns, frames);
    EXPECT_EQ(named, !frames.empty());
    return frames;
  }
  FakeMachine machine_;
  HotspotLayout layout_ = fake_layout();
};

TEST_F(JavaNamesTest, AnInterpretedFrameHasMethodFileAndLine) {
  JavaNames names(machine_);
  const auto frames = name(names, interpreted(kOuter, 3));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].kind, model::Frame::Kind::kJava);
  EXPECT_EQ(frames[0].function->name, "a.Outer.run");
  EXPECT_EQ(frames[0].function->file, "a/Outer.java");
  EXPECT_EQ(frames[0].line, 10U);
  EXPECT_EQ(name(names, interpreted(kOuter, HOTSPOT_PLACE_UNKNOWN))[0].line, 0U);
}

TEST_F(JavaNamesTest, ACompiledFrameHasWhatWasInlined) {
  JavaNames names(machine_);
  const auto frames = name(names, compiled(0x10, 42, true));
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].function->name, "a.Inner.step");
  EXPECT_TRUE(frames[0].inlined);
  EXPECT_EQ(frames[0].line, 20U);
  EXPECT_EQ(frames[1].function->name, "a.Outer.run");
  EXPECT_FALSE(frames[1].inlined);
  const auto elsewhere = name(names, compiled(0x18, 42, false));  // behind all descriptions
  ASSERT_EQ(elsewhere.size(), 1U);
  EXPECT_EQ(elsewhere[0].function, frames[1].function);
}

TEST_F(JavaNamesTest, WhatIsKnownIsNotReadAgain) {
  JavaNames names(machine_);
  (void)name(names, compiled(0x10, 42, true));
  const size_t reads = machine_.reads;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(name(names, compiled(0x10, 42, true)).size(), 2U);
  EXPECT_EQ(name(names, interpreted(kInner, 0))[0].function->name, "a.Inner.step");
  EXPECT_EQ(machine_.reads, reads);
  EXPECT_EQ(names.figures().methods, 2U);
  EXPECT_EQ(names.figures().codes, 1U);
}

TEST_F(JavaNamesTest, CodeThatIsAnotherByNowHasNoName) {
  JavaNames names(machine_);
  EXPECT_TRUE(name(names, compiled(0x10, 41, true)).empty());
  auto frame = interpreted(kOuter, 0);
  frame.java_check ^= 1;
  EXPECT_TRUE(name(names, frame).empty());
  EXPECT_EQ(names.figures().gone, 2U);
}

TEST_F(JavaNamesTest, WhatWasNotThereIsTriedAgainAfterASecond) {
  JavaNames names(machine_);
  EXPECT_TRUE(name(names, compiled(0x10, 43, true), 0).empty());
  machine_.put(kNmethod + layout_.nmethod_compile_id, uint32_t{43});
  EXPECT_TRUE(name(names, compiled(0x10, 43, true), kSecond - 1).empty());
  EXPECT_EQ(name(names, compiled(0x10, 43, true), kSecond).size(), 2U);
}

TEST_F(JavaNamesTest, TheLeastRecentlyUsedMethodGoes) {
  JavaNamesLimits limits;
  limits.entries = 2;
  JavaNames names(machine_, limits);
  put_method(machine_, 0x12000, "a/Third", "go", "");
  (void)name(names, interpreted(kOuter, 0));
  (void)name(names, interpreted(kInner, 0));
  (void)name(names, interpreted(kOuter, 0));
  (void)name(names, interpreted(0x12000, 0));
  EXPECT_EQ(names.figures().evicted, 1U);
  const size_t reads = machine_.reads;
  (void)name(names, interpreted(kOuter, 0));
  EXPECT_EQ(machine_.reads, reads);
}

TEST_F(JavaNamesTest, AStubHasTheNameOfItsBlob) {
  JavaNames names(machine_);
  const auto frames = name(names, stub("StubRoutines (1)", true));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].function->name, "StubRoutines (1)");
  EXPECT_EQ(frames[0].kind, model::Frame::Kind::kJit);
}

TEST_F(JavaNamesTest, WhoReturnsToWhatIsInTheHeapIsMarkedByIt) {
  for (const char* blob :
       {"StubRoutines (continuation stubs)", "StubRoutines (continuationstubs)"}) {
    JavaNames names(machine_);
    const auto frames = name(names, stub(blob, true));
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].function->name, "[virtual thread: frames in the heap]");
    EXPECT_EQ(frames[1].function->name, blob);
    EXPECT_EQ(name(names, stub(blob, false)).size(), 1U) << "it runs itself";
  }
}

}  // namespace
}  // namespace hostlens::symbols
