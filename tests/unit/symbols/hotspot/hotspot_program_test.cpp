// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/hotspot_program.h"

#include <gtest/gtest.h>

#include "unit/symbols/hotspot/fake_machine.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kBias = 0x7f0000000000;
constexpr uint64_t kHeap = 0x7e0000000000;

class CodeCacheTest : public ::testing::Test {
 protected:
  CodeCacheTest() {
    layout_.code_heaps = 0x100;
    layout_.interpreter_code = 0x108;
    layout_.entry_return = 0x110;
    layout_.array_length = 0;
    layout_.array_elements = 8;
    layout_.heap_memory = 8;
    layout_.heap_segments = 64;
    layout_.heap_segment_log2 = 120;
    layout_.space_low = 16;
    layout_.space_low_boundary = 0;
    layout_.space_high_boundary = 8;
    layout_.queue_buffer = 8;
    layout_.queue_bytes = 20;
    layout_.block_bytes = 16;
    machine_.put(kBias + 0x100, uint64_t{0x1000});
    machine_.put(kBias + 0x108, uint64_t{0x2000});
    machine_.put(kBias + 0x110, kHeap + 0x500);
    machine_.zero(0x1000, 16);
    machine_.put(0x1000, int32_t{2});
    machine_.put(0x1008, uint64_t{0x1100});
    machine_.put(0x1100, uint64_t{0x3000});
    machine_.put(0x1108, uint64_t{0x4000});
    heap(0x3000, kHeap, 0x10000);
    heap(0x4000, kHeap + 0x10000, 0x10000);
    machine_.zero(0x2000, 32);
    machine_.put(0x2008, kHeap + 0x1000);
    machine_.put(0x2014, int32_t{0x800});
  }
  void heap(uint64_t at, uint64_t start, uint64_t bytes, int32_t log2 = 7) {
    machine_.zero(at, 160);
    machine_.put(at + 8, start);
    machine_.put(at + 16, start + bytes);
    machine_.put(at + 64 + 16, at + 0x100);
    machine_.put(at + 120, log2);
  }
  std::optional<hotspot_space> read() { return read_code_cache(layout_, kBias, words_); }
  FakeMachine machine_;
  HotspotLayout layout_ = fake_layout();
  ProcessWords words_{machine_, kProcess};
};

TEST_F(CodeCacheTest, HeapsAndInterpreterAreFound) {
  const auto space = read();
  ASSERT_TRUE(space);
  EXPECT_EQ(space->heaps[0].start, kHeap);
  EXPECT_EQ(space->heaps[0].limit, kHeap + 0x10000);
  EXPECT_EQ(space->heaps[0].segment_map, 0x3100U);
  EXPECT_EQ(space->heaps[1].segment_map, 0x4100U);
  EXPECT_EQ(space->heaps[2].limit, 0U);
  EXPECT_EQ(space->interpreter_start, kHeap + 0x1000);
  EXPECT_EQ(space->interpreter_limit, kHeap + 0x1800);
  EXPECT_EQ(space->entry_return, kHeap + 0x500);
  EXPECT_EQ(space->segment_shift, 7);
  EXPECT_EQ(space->frame_complete_bytes, 4);
  EXPECT_EQ(space->code_is_offset, 0);
}

TEST_F(CodeCacheTest, AMachineThatIsNotReadyIsAskedAgain) {
  machine_.put(kBias + 0x108, uint64_t{0});
  EXPECT_FALSE(read()) << "no interpreter yet";
  machine_.put(kBias + 0x108, uint64_t{0x2000});
  EXPECT_TRUE(read());
  machine_.put(kBias + 0x110, uint64_t{0});
  EXPECT_FALSE(read()) << "no entry yet";
  machine_.put(kBias + 0x100, uint64_t{0});
  EXPECT_FALSE(read()) << "no heaps yet";
}

TEST_F(CodeCacheTest, WhatMakesNoSenseIsNoCodeCache) {
  machine_.put(0x1000, int32_t{4});
  EXPECT_FALSE(read()) << "too many heaps";
  machine_.put(0x1000, int32_t{-1});
  EXPECT_FALSE(read());
  machine_.put(0x1000, int32_t{2});
  heap(0x4000, kHeap + 0x10000, 0x10000, 8);
  EXPECT_FALSE(read()) << "segments of two sizes";
  heap(0x4000, kHeap + 0x10000, 0x10000, 60);
  EXPECT_FALSE(read());
  heap(0x4000, kHeap + 0x10000, uint64_t{1} << 40U);
  EXPECT_FALSE(read()) << "a tebibyte of code";
  heap(0x4000, kHeap + 0x10000, 0x10000);
  EXPECT_TRUE(read());
  machine_.put(0x2008, uint64_t{0x1234});
  EXPECT_FALSE(read()) << "an interpreter outside";
}

TEST_F(CodeCacheTest, EachMissingWordIsNoCodeCache) {
  FakeMachine nothing;
  ProcessWords words(nothing, kProcess);
  EXPECT_FALSE(read_code_cache(layout_, kBias, words));
}

}  // namespace
}  // namespace hostlens::symbols
