// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_heap.h"

#include <functional>

#include "unit/symbols/v8/dumped.h"

namespace hostlens::symbols {
namespace {

/// Strings by hand, as Node.js 20 has them.
class V8HeapTest : public testing::Test {
 protected:
  enum Type : uint16_t {
    kTwoByte = 32,
    kOneByte = 40,
    kCons = 41,
    kExternal = 42,
    kSliced = 43,
    kThin = 45,
    kSymbol = 128
  };
  static constexpr uint64_t kMaps = 0x1000;

  void SetUp() override {
    auto layout = v8_layout_of(dumped_v8("20").values);
    ASSERT_TRUE(layout);
    layout_ = *std::move(layout);
    auto& maps = memory_.pieces[kMaps];
    maps.resize(256 * 64);
    for (uint16_t type = 0; type < 256; ++type) {
      memory_.write<uint16_t>(kMaps + type * 64U + layout_.map_type, type);
    }
  }
  /// An object of 24 bytes and `more`.
  uint64_t add(Type type, int32_t length, size_t more) {
    const uint64_t address = next_;
    next_ += 0x1000;
    memory_.pieces[address].resize(32 + more);
    memory_.write<uint64_t>(address, kMaps + type * 64U + 1);
    memory_.write<int32_t>(address + layout_.string_length, length);
    return address;
  }
  uint64_t one_byte(const std::string& text) {
    const uint64_t address = add(kOneByte, static_cast<int32_t>(text.size()), text.size());
    for (size_t i = 0; i < text.size(); ++i) memory_.write(address + 16 + i, text[i]);
    return address + 1;
  }
  uint64_t two_byte(const std::u16string& text) {
    const uint64_t address = add(kTwoByte, static_cast<int32_t>(text.size()), 2 * text.size());
    for (size_t i = 0; i < text.size(); ++i) memory_.write(address + 16 + 2 * i, text[i]);
    return address + 1;
  }
  uint64_t of_two(Type type, int32_t length, uint64_t first, uint64_t second) {
    const uint64_t address = add(type, length, 0);
    memory_.write(address + 16, first);
    memory_.write(address + 24, second);
    return address + 1;
  }
  static uint64_t smi(int32_t value) { return static_cast<uint64_t>(value) << 32U; }
  std::optional<std::string> text(uint64_t pointer, uint32_t most = 100) {
    V8Heap heap(memory_, {7, 1}, layout_, types_);
    return heap.string(pointer, most);
  }

  V8Layout layout_;
  PiecesOfMemory memory_;
  V8MapTypes types_;
  uint64_t next_ = 0x100000;
};

TEST_F(V8HeapTest, OneByteIsLatin1) {
  EXPECT_EQ(text(one_byte("gr\xf6\xdf"
                          "e")),
            "größe");
}

TEST_F(V8HeapTest, TwoBytesAreUtf16) {
  EXPECT_EQ(text(two_byte(u"計算𝒇")), "計算𝒇");
  EXPECT_EQ(text(two_byte(std::u16string(1, 0xd835))), "\uFFFD");
  EXPECT_EQ(text(two_byte(std::u16string(1, 0xdc00))), "\uFFFD");
}

TEST_F(V8HeapTest, ControlCharactersAreReplaced) { EXPECT_EQ(text(one_byte("a\nb")), "a\uFFFDb"); }

TEST_F(V8HeapTest, HalvesAreJoinedInTheirOrder) {
  const uint64_t left = of_two(kCons, 4, one_byte("ab"), two_byte(u"算d"));
  EXPECT_EQ(text(of_two(kCons, 6, left, one_byte("ef"))), "ab算def");
  EXPECT_EQ(text(of_two(kCons, 6, left, one_byte("ef")), 3), "ab算");
}

TEST_F(V8HeapTest, ASliceIsPartOfItsParent) {
  const uint64_t slice = of_two(kSliced, 4, one_byte("unused(name)"), smi(7));
  EXPECT_EQ(text(slice), "name");
  EXPECT_EQ(text(of_two(kCons, 8, slice, slice)), "namename");
}

TEST_F(V8HeapTest, ASliceOfHalvesIsRead) {
  const uint64_t cons = of_two(kCons, 6, one_byte("abc"), one_byte("def"));
  EXPECT_EQ(text(of_two(kSliced, 3, cons, smi(2))), "cde");
  EXPECT_EQ(text(of_two(kSliced, 2, cons, smi(4))), "ef");
}

TEST_F(V8HeapTest, AThinStringIsTheOther) {
  EXPECT_EQ(text(of_two(kThin, 4, one_byte("name"), 0)), "name");
}

TEST_F(V8HeapTest, ExternalStringsAndOtherObjectsAreNone) {
  EXPECT_EQ(text(of_two(kExternal, 4, 0, 0)), std::nullopt);
  EXPECT_EQ(text(of_two(kSymbol, 4, 0, 0)), std::nullopt);
  EXPECT_EQ(text(smi(4)), std::nullopt);
}

TEST_F(V8HeapTest, AStringOfItselfHasAnEnd) {
  const uint64_t cons = of_two(kCons, 1 << 20, 0, 0);
  memory_.write(cons - 1 + 16, cons);
  memory_.write(cons - 1 + 24, cons);
  EXPECT_EQ(text(cons, 1 << 20), std::nullopt);
  const uint64_t thin = of_two(kThin, 4, 0, 0);
  memory_.write(thin - 1 + 16, thin);
  EXPECT_EQ(text(thin), std::nullopt);
  EXPECT_LE(memory_.reads, 2 * V8Heap::kMostReads);
}

TEST_F(V8HeapTest, ABrokenLengthIsNoString) {
  EXPECT_EQ(text(of_two(kCons, -1, one_byte("a"), one_byte("b"))), std::nullopt);
  const uint64_t string = one_byte("name");
  memory_.write<int32_t>(string - 1 + layout_.string_length, 1 << 28);
  EXPECT_EQ(text(string, 1 << 28), std::nullopt);
}

TEST_F(V8HeapTest, WhatWasFlattenedLiesInOnePiece) {
  V8Heap heap(memory_, {7, 1}, layout_, types_);
  const uint64_t source = two_byte(u"a\nb");
  const auto flat = heap.flat(of_two(kThin, 3, of_two(kCons, 3, source, one_byte("")), 0));
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->address, source - 1 + 16);
  EXPECT_EQ(flat->width, 2U);
  EXPECT_EQ(flat->length, 3U);
  EXPECT_FALSE(heap.flat(of_two(kCons, 4, source, one_byte("c"))));
}

}  // namespace
}  // namespace hostlens::symbols
