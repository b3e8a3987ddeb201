// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_parts.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace hostlens::symbols {
namespace {

using List = SamplePart::List;

decoders::ProfileFrame file_frame(uint64_t address, uint32_t executable = 3) {
  decoders::ProfileFrame frame;
  frame.kind = PROFILE_FRAME_FILE;
  frame.executable = executable;
  frame.address = address;
  return frame;
}

decoders::ProfileFrame anonymous_frame(uint64_t address) {
  decoders::ProfileFrame frame;
  frame.kind = PROFILE_FRAME_ANONYMOUS;
  frame.address = address;
  return frame;
}

decoders::ProfileSample sample(std::vector<decoders::ProfileFrame> frames, uint32_t pid = 7) {
  decoders::ProfileSample made;
  made.process = {pid, 100};
  made.frames = std::move(frames);
  return made;
}

std::vector<SamplePart> parts_of(const decoders::ProfileSample& of, const JoinedStack& python = {},
                                 bool has_v8 = true) {
  std::vector<SamplePart> parts;
  list_parts(of, python, has_v8, parts);
  return parts;
}

/// Of the leaf.
uint64_t key_of(const decoders::ProfileSample& of) { return parts_of(of).front().key; }

std::vector<std::pair<List, size_t>> order_of(const std::vector<SamplePart>& parts) {
  std::vector<std::pair<List, size_t>> order;
  for (const SamplePart& part : parts) order.emplace_back(part.list, part.index);
  return order;
}

TEST(SamplePartsTest, KernelFramesComeBeforeThoseOfTheProgram) {
  auto made = sample({file_frame(1), file_frame(2)});
  made.kernel_frames = {10, 20};
  EXPECT_EQ(order_of(parts_of(made)),
            (std::vector<std::pair<List, size_t>>{
                {List::kKernel, 0}, {List::kKernel, 1}, {List::kNative, 0}, {List::kNative, 1}}));
}

TEST(SamplePartsTest, WhatV8SaysStandsInThePlaceOfItsFrame) {
  auto made = sample({file_frame(1), anonymous_frame(2), file_frame(3)});
  made.v8_frames.resize(1);
  made.v8_frames[0].frame = 1;
  EXPECT_EQ(order_of(parts_of(made)), (std::vector<std::pair<List, size_t>>{
                                          {List::kNative, 0}, {List::kV8, 0}, {List::kNative, 2}}));
  EXPECT_EQ(order_of(parts_of(made, {}, false))[1], std::pair(List::kNative, size_t{1}));
}

TEST(SamplePartsTest, PythonFramesStandWhereTheyWereJoined) {
  auto made = sample({file_frame(1), file_frame(2)});
  made.python_frames.resize(2);
  JoinedStack joined;
  joined.parts = {{true, 0}, {true, 1}, {false, 1}};
  EXPECT_EQ(order_of(parts_of(made, joined)),
            (std::vector<std::pair<List, size_t>>{
                {List::kPython, 0}, {List::kPython, 1}, {List::kNative, 1}}));
}

TEST(SamplePartsTest, CallersHaveOneKeyWhateverTheyCall) {
  const auto a = parts_of(sample({file_frame(1), file_frame(8), file_frame(9)}));
  const auto b = parts_of(sample({file_frame(2), file_frame(8), file_frame(9)}));
  EXPECT_NE(a[0].key, b[0].key);
  EXPECT_EQ(a[1].key, b[1].key);
  EXPECT_EQ(a[2].key, b[2].key);
}

TEST(SamplePartsTest, AFrameCalledByAnotherIsAnother) {
  EXPECT_NE(key_of(sample({file_frame(1), file_frame(8)})),
            key_of(sample({file_frame(1), file_frame(9)})));
  EXPECT_NE(key_of(sample({file_frame(1)})), key_of(sample({file_frame(1), file_frame(9)})));
}

TEST(SamplePartsTest, CodeOfAFileIsTheSameInEveryProcessAndOtherCodeIsNot) {
  EXPECT_EQ(key_of(sample({file_frame(1)}, 7)), key_of(sample({file_frame(1)}, 8)));
  EXPECT_NE(key_of(sample({anonymous_frame(1)}, 7)), key_of(sample({anonymous_frame(1)}, 8)));
}

TEST(SamplePartsTest, EveryWordOfAFrameTellsItFromOthers) {
  using Change = std::function<void(decoders::ProfileSample&)>;
  auto java = anonymous_frame(1);
  java.kind = PROFILE_FRAME_JAVA;
  auto made = sample({java, file_frame(2)});
  made.v8_frames.resize(1);
  made.v8_frames[0].frame = 1;
  for (const Change& change : std::vector<Change>{
           [](auto& of) { of.frames[0].address = 2; },
           [](auto& of) { of.frames[0].is_return = true; },
           [](auto& of) { of.frames[0].kind = PROFILE_FRAME_ANONYMOUS; },
           [](auto& of) { of.frames[0].java = HOTSPOT_FRAME_COMPILED; },
           [](auto& of) { of.frames[0].java_place = 1; },
           [](auto& of) { of.frames[0].java_check = 1; },
           [](auto& of) { of.frames[1].executable = 4; },
           [](auto& of) { of.v8_frames[0].function = 1; },
           [](auto& of) { of.v8_frames[0].shared = 1; },
           [](auto& of) { of.v8_frames[0].name = 1; },
           [](auto& of) { of.v8_frames[0].type = 1; },
           [](auto& of) { of.process.start_ticks = 101; },
       }) {
    auto other = made;
    change(other);
    EXPECT_NE(key_of(other), key_of(made));
  }
  auto python = sample({file_frame(1)});
  python.python_frames.resize(1);
  JoinedStack joined;
  joined.parts = {{true, 0}};
  for (const Change& change : std::vector<Change>{
           [](auto& of) { of.python_frames[0].code = 1; },
           [](auto& of) { of.python_frames[0].offset = 1; },
           [](auto& of) { of.python_frames[0].check = 1; },
           [](auto& of) { of.version = PYTHON_3_11; },
       }) {
    auto other = python;
    change(other);
    EXPECT_NE(parts_of(other, joined)[0].key, parts_of(python, joined)[0].key);
  }
}

TEST(SamplePartsTest, OnlyTheFirstFrameOfTheKernelIsTheInstructionItself) {
  auto made = sample({});
  made.kernel_frames = {5, 5};
  const auto two = parts_of(made);
  made.kernel_frames = {5};
  EXPECT_NE(two[1].key, parts_of(made)[0].key) << "the call before it is another instruction";
}

}  // namespace
}  // namespace hostlens::symbols
