// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_code.h"

#include <gmock/gmock.h>

#include "symbols/v8/v8_names.h"
#include "unit/symbols/v8/dumped.h"

namespace hostlens::symbols {
namespace {

/// Code of optimising compilers, in every version of which it was dumped: Maglev's in 24, else
/// TurboFan's.
class V8CodeTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    dumped_ = dumped_v8_code(GetParam());
    auto layout = v8_layout_of(dumped_.values);
    ASSERT_TRUE(layout) << layout.error().text();
    layout_ = *std::move(layout);
    ASSERT_TRUE(layout_.code);
  }
  V8Heap heap() { return {dumped_.memory, process_, layout_, types_}; }
  std::optional<V8CodeHead> head_at(uint64_t address) {
    V8Heap heap = this->heap();
    return find_v8_code(heap, address);
  }
  V8CodeReading read(V8Code& code) {
    V8Heap heap = this->heap();
    return read_v8_code(heap, code);
  }
  V8Code whole(const DumpedV8::Code& dumped) {
    V8Code code;
    const auto head = head_at(dumped.begin);
    EXPECT_TRUE(head);
    if (!head) return code;
    code.head = *head;
    EXPECT_EQ(read(code), V8CodeReading::kRead);
    return code;
  }
  const model::ProcessKey process_{7, 100};
  DumpedV8 dumped_;
  V8Layout layout_;
  V8MapTypes types_;
};

TEST_P(V8CodeTest, InstructionsLeadToTheirObject) {
  for (const auto& code : dumped_.codes) {
    for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, code.size / 2, code.size - 1}) {
      const auto head = head_at(code.begin + offset);
      ASSERT_TRUE(head) << offset;
      EXPECT_EQ(head->begin, code.begin);
      EXPECT_EQ(head->size, code.size);
    }
  }
}

TEST_P(V8CodeTest, WhatIsBehindTheInstructionsIsNotOfThem) {
  const auto& last = dumped_.codes.back();
  EXPECT_FALSE(head_at(last.begin + last.size));
  EXPECT_FALSE(head_at(dumped_.codes.front().begin - 64));
  EXPECT_FALSE(head_at(0));
  EXPECT_FALSE(head_at(UINT64_MAX));
}

TEST_P(V8CodeTest, WhatIsInlinedIsWhatTheDumpSays) {
  size_t deepest = 0;
  for (const auto& dumped : dumped_.codes) {
    const V8Code code = whole(dumped);
    EXPECT_EQ(code.shared, dumped.function.shared);
    for (size_t i = 0; i < dumped.inlined.size(); ++i) {
      const uint32_t offset = dumped.inlined[i].offset;
      // Of several at one instruction the last one holds.
      if (i + 1 < dumped.inlined.size() && dumped.inlined[i + 1].offset == offset) continue;
      std::vector<uint64_t> functions;
      for (const uint32_t index : code.functions_at(offset)) {
        functions.push_back(code.functions[index]);
      }
      EXPECT_EQ(functions, dumped.inlined[i].functions) << offset;
      deepest = std::max(deepest, functions.size());
    }
    EXPECT_THAT(code.functions_at(0), testing::IsEmpty()) << "the entry is the function's own";
  }
  EXPECT_GE(deepest, 2U);
}

TEST_P(V8CodeTest, InlinedFunctionsHaveNames) {
  std::vector<std::string> found;
  V8Names names(dumped_.memory);
  for (const auto& dumped : dumped_.codes) {
    for (const uint64_t function : whole(dumped).functions) {
      const decoders::V8Frame frame{.frame = 0, .shared = function};
      const V8Name& name = names.name(process_, layout_, frame, 0);
      ASSERT_NE(name.function, nullptr);
      found.push_back(name.function->name);
    }
  }
  EXPECT_THAT(found, testing::IsSupersetOf({"innermost", "arrow"}));
}

TEST_P(V8CodeTest, BaselineCodeHasNothingInlined) {
  V8Code code = whole(dumped_.codes[0]);
  // A SharedFunctionInfo in place of the deoptimisation data, as other objects are there.
  V8Code other;
  other.head = code.head;
  other.head.deoptimization = code.shared;
  EXPECT_EQ(read(other), V8CodeReading::kPlain);
  EXPECT_EQ(other.shared, 0U);
  EXPECT_THAT(other.functions_at(100), testing::IsEmpty());
}

TEST_P(V8CodeTest, EverythingCutShortIsNoCode) {
  for (const size_t bytes : {0, 8, 12, 16, 24, 40, 56, 72}) {
    const DumpedV8 before = dumped_;
    for (auto& [address, piece] : dumped_.memory.pieces) {
      const bool code = address <= dumped_.codes[0].begin && piece.size() > 1024;
      if (!code) piece.resize(std::min(bytes, piece.size()));
    }
    V8Code code;
    if (const auto head = head_at(dumped_.codes[0].begin)) {
      code.head = *head;
      EXPECT_NE(read(code), V8CodeReading::kRead) << bytes;
    }
    dumped_ = before;
  }
}

INSTANTIATE_TEST_SUITE_P(, V8CodeTest, testing::Values("18", "20", "22", "24"), v8_test_name);

base::Bytes bytes_of(const std::vector<uint8_t>& values) {
  return std::as_bytes(std::span(values));
}

/// As V8 writes it: zigzag, seven bits a byte.
void add_number(std::vector<uint8_t>& table, int64_t value) {
  uint64_t rest = (static_cast<uint64_t>(value) << 1U) ^ static_cast<uint64_t>(value >> 63U);
  for (; rest >= 0x80; rest >>= 7U) table.push_back(static_cast<uint8_t>(rest | 0x80U));
  table.push_back(static_cast<uint8_t>(rest));
}

int64_t position_of(int32_t inlining) { return (int64_t{inlining} + 1) << 31U; }

using Places = std::vector<V8Code::Place>;

TEST(V8Positions, AreStepsFromInstructionToInstruction) {
  std::vector<uint8_t> table;
  add_number(table, 4);  // a statement
  add_number(table, position_of(-1));
  add_number(table, -3 - 1);  // an expression, 3 behind it
  add_number(table, position_of(2) - position_of(-1));
  add_number(table, 1000);
  add_number(table, position_of(0) - position_of(2));
  add_number(table, 1);  // of the same function
  add_number(table, 2 * 77);
  EXPECT_EQ(read_v8_positions(bytes_of(table), 2000), (Places{{4, -1}, {7, 2}, {1007, 0}}));
}

TEST(V8Positions, OfOneInstructionTheLastHolds) {
  std::vector<uint8_t> table;
  for (const int64_t number :
       {int64_t{4}, position_of(0), int64_t{0}, position_of(1) - position_of(0)}) {
    add_number(table, number);
  }
  EXPECT_EQ(read_v8_positions(bytes_of(table), 100), (Places{{4, 1}}));
}

TEST(V8Positions, BehindTheCodeOrCutOffMakeNoSense) {
  std::vector<uint8_t> table;
  add_number(table, 500);
  add_number(table, position_of(3));
  EXPECT_TRUE(read_v8_positions(bytes_of(table), 500));
  EXPECT_FALSE(read_v8_positions(bytes_of(table), 499));
  table.pop_back();
  EXPECT_FALSE(read_v8_positions(bytes_of(table), 500));
  EXPECT_FALSE(read_v8_positions(bytes_of(std::vector<uint8_t>(32, 0xff)), 500));
  EXPECT_EQ(read_v8_positions({}, 500), Places());
}

std::vector<uint8_t> inlinings_of(const std::vector<std::pair<int32_t, int32_t>>& entries) {
  std::vector<uint8_t> table;
  for (const auto& [parent, function] : entries) {
    const auto position = static_cast<uint64_t>(position_of(parent));
    for (unsigned i = 0; i < 8; ++i) table.push_back(static_cast<uint8_t>(position >> 8 * i));
    for (unsigned i = 0; i < 8; ++i) {
      table.push_back(i < 4 ? static_cast<uint8_t>(static_cast<uint32_t>(function) >> 8 * i) : 0);
    }
  }
  return table;
}

TEST(V8Inlinings, LeadFromTheInnermostOut) {
  const auto table = inlinings_of({{-1, 5}, {0, 3}, {1, -1}, {2, 3}});
  V8Code code;
  code.inlinings = *read_v8_inlinings(bytes_of(table));
  code.functions.resize(6);
  code.places = {{10, 3}, {20, -1}, {30, 0}, {40, 9}};
  EXPECT_THAT(code.functions_at(9), testing::IsEmpty());
  EXPECT_THAT(code.functions_at(10), testing::ElementsAre(3, 3, 5)) << "a builtin has no name";
  EXPECT_THAT(code.functions_at(25), testing::IsEmpty());
  EXPECT_THAT(code.functions_at(39), testing::ElementsAre(5));
  EXPECT_THAT(code.functions_at(40), testing::IsEmpty()) << "there is no such inlining";
  code.functions.resize(4);
  EXPECT_THAT(code.functions_at(10), testing::ElementsAre(3, 3)) << "there is no such function";
}

TEST(V8Inlinings, OfThemselvesOrLaterOnesMakeNoSense) {
  EXPECT_FALSE(read_v8_inlinings(bytes_of(inlinings_of({{0, 1}}))));
  EXPECT_FALSE(read_v8_inlinings(bytes_of(inlinings_of({{1, 1}, {-1, 1}}))));
  EXPECT_TRUE(read_v8_inlinings(bytes_of(inlinings_of({{-1, 1}, {0, 1}}))));
}

TEST(V8Inlinings, AreNoDeeperThanIsAsked) {
  std::vector<std::pair<int32_t, int32_t>> entries;
  for (int32_t i = 0; i < 200; ++i) entries.emplace_back(i - 1, 0);
  V8Code code;
  code.inlinings = *read_v8_inlinings(bytes_of(inlinings_of(entries)));
  code.functions.resize(1);
  code.places = {{0, 199}};
  EXPECT_EQ(code.functions_at(0).size(), V8Code::kMostDepth);
}

}  // namespace
}  // namespace hostlens::symbols
