// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_names.h"

#include <gmock/gmock.h>

#include "unit/symbols/v8/dumped.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class V8NamesTest : public EveryV8 {
 protected:
  static decoders::V8Frame frame_of(const DumpedV8::Function& function) {
    return {.frame = 0, .shared = function.shared, .name = function.name};
  }
  const V8Name& name(V8Names& names, size_t index, uint64_t now_ns = 0) {
    return names.name(process_, layout_, frame_of(dumped_.functions[index]), now_ns);
  }
  const model::ProcessKey process_{7, 100};
};

TEST_P(V8NamesTest, FunctionsHaveTheNamesOfTheirSource) {
  V8Names names(dumped_.memory);
  std::vector<std::string> found;
  for (size_t i = 0; i < dumped_.functions.size(); ++i) {
    const V8Name& function = name(names, i);
    ASSERT_NE(function.function, nullptr) << i;
    found.push_back(function.function->name);
  }
  // A function that is the value of a computed name has none but what V8 makes of that.
  const std::vector<std::string> expected{"readSync", "waits",    "arrow",  "method",
                                          "turned",   "get prop", found[6], "holder.assigned",
                                          "größe",    "計算",     "inner",  "manyLocals"};
  EXPECT_THAT(found[6], testing::AnyOf("holder", "holder.computed"));
  EXPECT_THAT(std::vector<std::string>(found.begin(), found.begin() + 12),
              testing::ElementsAreArray(expected));
  EXPECT_EQ(found[12], "(anonymous)");  // the function that is called where it stands
  EXPECT_EQ(found[13], "(anonymous)");  // the module
  EXPECT_EQ(names.figures().read, dumped_.functions.size());
}

TEST_P(V8NamesTest, FunctionsHaveFilesAndLines) {
  V8Names names(dumped_.memory);
  EXPECT_EQ(name(names, 0).function->file, "node:fs");
  for (const size_t index : {1, 2, 3, 5, 8, 10, 12, 13}) {
    EXPECT_THAT(name(names, index).function->file, testing::EndsWith("/functions.js")) << index;
  }
  EXPECT_EQ(name(names, 11).function->file, "") << "its source is no file's";
  if (!layout_.script_source) return;
  EXPECT_EQ(name(names, 1).line, 6U);
  EXPECT_EQ(name(names, 3).line, 9U);
  EXPECT_EQ(name(names, 8).line, 17U) << "characters beyond Latin count as one";
  EXPECT_EQ(name(names, 10).line, 21U);
  EXPECT_EQ(name(names, 13).line, 1U);
}

TEST_P(V8NamesTest, AFunctionIsReadOnce) {
  V8Names names(dumped_.memory);
  (void)name(names, 1);
  const size_t reads = dumped_.memory.reads;
  EXPECT_LE(reads, 32U);
  (void)name(names, 1, kSecond);
  EXPECT_EQ(dumped_.memory.reads, reads);
}

TEST_P(V8NamesTest, AnotherFunctionInItsPlaceIsNotTakenForIt) {
  V8Names names(dumped_.memory);
  auto frame = frame_of(dumped_.functions[1]);
  frame.name = dumped_.functions[2].name;
  EXPECT_EQ(names.name(process_, layout_, frame, 0).function, nullptr);
  EXPECT_EQ(names.figures().other, 1U);
}

TEST_P(V8NamesTest, AnotherObjectInItsPlaceIsNotTakenForIt) {
  V8Names names(dumped_.memory);
  auto frame = frame_of(dumped_.functions[1]);
  frame.shared = frame.name;
  frame.name = 0;
  EXPECT_EQ(names.name(process_, layout_, frame, 0).function, nullptr);
  EXPECT_EQ(names.figures().other, 1U);
}

TEST_P(V8NamesTest, WhatCannotBeReadIsTriedAgainLater) {
  V8Names names(dumped_.memory);
  const uint64_t address = dumped_.functions[1].shared - 1;
  auto piece = dumped_.memory.pieces.extract(address);
  ASSERT_FALSE(piece.empty());
  EXPECT_EQ(name(names, 1, 0).function, nullptr);
  dumped_.memory.pieces.insert(std::move(piece));
  EXPECT_EQ(name(names, 1, kSecond / 2).function, nullptr);
  EXPECT_NE(name(names, 1, kSecond).function, nullptr);
  EXPECT_EQ(names.figures().gone, 1U);
}

TEST_P(V8NamesTest, ProcessesDoNotShareMemory) {
  V8Names names(dumped_.memory);
  (void)name(names, 1);
  EXPECT_EQ(names.name({8, 100}, layout_, frame_of(dumped_.functions[1]), 0).function, nullptr);
}

TEST_P(V8NamesTest, TheLeastRecentlyUsedGo) {
  V8NamesLimits limits;
  limits.functions = 2;
  V8Names names(dumped_.memory, limits);
  for (const size_t index : {1, 2, 1, 3}) (void)name(names, index);
  EXPECT_EQ(names.figures().evicted, 1U);
  const size_t reads = dumped_.memory.reads;
  (void)name(names, 1);
  EXPECT_EQ(dumped_.memory.reads, reads);
  (void)name(names, 2);
  EXPECT_GT(dumped_.memory.reads, reads);
}

TEST_P(V8NamesTest, NamesAreCutOff) {
  V8NamesLimits limits;
  limits.name_characters = 3;
  V8Names names(dumped_.memory, limits);
  EXPECT_EQ(name(names, 1).function->name, "wai");
  EXPECT_EQ(name(names, 8).function->name, "grö");
}

TEST_P(V8NamesTest, EverythingCutShortIsNoName) {
  for (size_t bytes = 0; bytes < 64; bytes += 8) {
    DumpedV8 dumped = dumped_v8(GetParam());
    for (auto& [address, piece] : dumped.memory.pieces) piece.resize(std::min(bytes, piece.size()));
    V8Names names(dumped.memory);
    for (const auto& function : dumped.functions) {
      const auto& named = names.name(process_, layout_, frame_of(function), 0);
      EXPECT_TRUE(named.function == nullptr || !named.function->name.empty());
    }
  }
}

TEST_P(V8NamesTest, AFunctionOfWhichNothingWasReadHasANameToo) {
  const uint64_t function = 0x5000;
  auto& piece = dumped_.memory.pieces[function];
  piece.resize(layout_.kernel.function_shared + 8U);
  std::memcpy(piece.data(), dumped_.memory.pieces.at(dumped_.functions[1].shared - 1).data(), 8);
  std::memcpy(piece.data() + layout_.kernel.function_shared, &dumped_.functions[1].shared, 8);
  V8Names names(dumped_.memory);
  const decoders::V8Frame frame{.frame = 0, .function = function + 1};
  const V8Name& named = names.name(process_, layout_, frame, 0);
  ASSERT_NE(named.function, nullptr);
  EXPECT_EQ(named.function->name, "waits");
}

INSTANTIATE_TEST_SUITE_P(, V8NamesTest, kEveryV8, v8_test_name);

TEST(V8Files, AreThePathsOfTheirAddresses) {
  EXPECT_EQ(v8_file_of("file:///srv/a%20b/%C3%BC.mjs"), "/srv/a b/ü.mjs");
  EXPECT_EQ(v8_file_of("file:///srv/100%"), "/srv/100%");
  EXPECT_EQ(v8_file_of("file:///srv/%zz.js"), "/srv/%zz.js");
  EXPECT_EQ(v8_file_of("node:internal/timers"), "node:internal/timers");
  EXPECT_EQ(v8_file_of("/srv/%20.js"), "/srv/%20.js");
}

TEST(V8Lines, CountFromOne) {
  V8Script script;
  EXPECT_EQ(script.line(0), 0U);
  script.line_starts = {0, 10, 11, 30};
  EXPECT_EQ(script.line(0), 1U);
  EXPECT_EQ(script.line(9), 1U);
  EXPECT_EQ(script.line(10), 2U);
  EXPECT_EQ(script.line(29), 3U);
  EXPECT_EQ(script.line(30), 0U) << "behind what is known";
  EXPECT_EQ(script.line(-1), 0U);
}

}  // namespace
}  // namespace hostlens::symbols
