// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/line_table.h"

#include "symbols/python/code_object.h"
#include "unit/symbols/byte_writer.h"
#include "unit/symbols/python/dumped.h"

namespace hostlens::symbols {
namespace {

class LineTableTest : public EveryPython {};

TEST_P(LineTableTest, SaysWhatTheInterpreterItselfSays) {
  size_t checked = 0;
  for (const Dumped& code : dumped_codes(GetParam())) {
    const auto table = parse_python_bytes(code.lines.bytes);
    ASSERT_TRUE(table);
    for (const Dumped::Line& range : code.line_of) {
      for (int32_t offset = range.begin; offset < range.end; ++offset, ++checked) {
        ASSERT_EQ(python_line(code.version, *table, code.first_line, offset), range.line)
            << code.qualified_name << " + " << offset;
      }
    }
  }
  EXPECT_GT(checked, 1000U);
}

TEST_P(LineTableTest, BeforeTheFirstInstructionIsTheFirstLine) {
  const Dumped code = dumped_codes(GetParam()).at(1);
  const auto table = parse_python_bytes(code.lines.bytes);
  EXPECT_EQ(python_line(code.version, *table, code.first_line, -2), code.first_line);
}

TEST_P(LineTableTest, ATableThatEndsTooEarlyGivesALineOfTheFileOrNone) {
  for (const Dumped& code : dumped_codes(GetParam())) {
    const auto table = parse_python_bytes(code.lines.bytes);
    for (size_t size = 0; size < table->size(); ++size) {
      for (const Dumped::Line& range : code.line_of) {
        EXPECT_LE(python_line(code.version, table->first(size), code.first_line, range.begin),
                  1000U);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, LineTableTest, kEveryPython, python_test_name);

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  return ByteWriter().bytes(values).get();
}

TEST(LineTableFormatTest, LinesMayGoBack) {
  EXPECT_EQ(python_line(PYTHON_3_9, bytes({4, 0xfe, 2, 1}), 10, 4), 8U);
  EXPECT_EQ(python_line(PYTHON_3_10, bytes({4, 0, 2, 0xfe}), 10, 4), 8U);
  // Kind 13, length 1, svarint 5 (-2).
  EXPECT_EQ(python_line(PYTHON_3_12, bytes({0xe8, 5}), 10, 0), 8U);
}

TEST(LineTableFormatTest, NoLineIsNone) {
  EXPECT_EQ(python_line(PYTHON_3_10, bytes({4, 0x80, 2, 1}), 10, 0), 0U);
  EXPECT_EQ(python_line(PYTHON_3_10, bytes({4, 0x80, 2, 1}), 10, 4), 11U);
  EXPECT_EQ(python_line(PYTHON_3_13, bytes({0xf8}), 10, 0), 0U);
  EXPECT_EQ(python_line(PYTHON_3_13, bytes({0xf8}), 10, 2), 0U);  // behind the end
}

TEST(LineTableFormatTest, NumbersWithoutEndAreRefused) {
  EXPECT_EQ(
      python_line(PYTHON_3_11, bytes({0xe8, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f}), 10, 0), 0U);
  EXPECT_EQ(python_line(PYTHON_UNKNOWN, bytes({1, 1}), 10, 0), 0U);
}

TEST(LineTableFormatTest, ALineBelowOneIsNone) {
  EXPECT_EQ(python_line(PYTHON_3_9, bytes({0, 0x80}), 10, 0), 0U);
  EXPECT_EQ(python_line(PYTHON_3_9, {}, UINT32_MAX, 0), 0U);
}

}  // namespace
}  // namespace hostlens::symbols
