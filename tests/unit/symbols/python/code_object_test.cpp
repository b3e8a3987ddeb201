// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/code_object.h"

#include "unit/symbols/python/dumped.h"

namespace hostlens::symbols {
namespace {

constexpr uint32_t kMost = 512;

class CodeObjectTest : public EveryPython {};

TEST_P(CodeObjectTest, ItsPartsAreWhereTheInterpreterHasThem) {
  for (const Dumped& code : dumped_codes(GetParam())) {
    const auto head = parse_python_code(code.version, code.object.bytes);
    ASSERT_TRUE(head) << code.qualified_name;
    EXPECT_EQ(head->first_line, code.first_line);
    EXPECT_EQ(head->name, code.name.address);
    EXPECT_EQ(head->file, code.file.address);
    EXPECT_EQ(head->lines, code.lines.address);
    EXPECT_EQ(head->check, python_code_check(code.first_line, code.name.address));
  }
}

TEST_P(CodeObjectTest, NamesOfEveryWidthAreRead) {
  bool four_bytes = false;
  for (const Dumped& code : dumped_codes(GetParam())) {
    EXPECT_EQ(parse_python_str(code.version, code.name.bytes, kMost), code.qualified_name);
    EXPECT_EQ(parse_python_str(code.version, code.file.bytes, kMost), "/srv/größe/module.py");
    four_bytes = four_bytes || code.qualified_name.find("\U0001d431") != std::string::npos ||
                 code.qualified_name.find("名前") != std::string::npos;
  }
  EXPECT_TRUE(four_bytes);
}

TEST_P(CodeObjectTest, NothingIsReadBehindTheEnd) {
  for (const Dumped& code : dumped_codes(GetParam())) {
    const base::Bytes object(code.object.bytes), name(code.name.bytes), lines(code.lines.bytes);
    for (size_t size = 0; size < object.size(); ++size) {
      EXPECT_FALSE(parse_python_code(code.version, object.first(size)));
    }
    const auto name_bytes = python_str_bytes(code.version, name, kMost);
    ASSERT_TRUE(name_bytes);
    for (size_t size = 0; size < *name_bytes; ++size) {
      EXPECT_FALSE(parse_python_str(code.version, name.first(size), kMost));
    }
    const auto lines_bytes = python_bytes_bytes(lines);
    ASSERT_TRUE(lines_bytes);
    for (size_t size = 0; size < *lines_bytes; ++size) {
      EXPECT_FALSE(parse_python_bytes(lines.first(size)));
    }
  }
}

TEST_P(CodeObjectTest, LongNamesAreCutOff) {
  const Dumped code = dumped_codes(GetParam()).at(0);
  const auto bytes = python_str_bytes(code.version, code.file.bytes, 4);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(parse_python_str(code.version, base::Bytes(code.file.bytes).first(*bytes), 4), "/srv");
}

INSTANTIATE_TEST_SUITE_P(All, CodeObjectTest, kEveryPython, python_test_name);

/// An ASCII str of 3.12.
std::vector<std::byte> str_object(uint64_t length, uint32_t state, std::string_view characters) {
  std::vector<std::byte> object(40);
  std::memcpy(object.data() + 16, &length, sizeof length);
  std::memcpy(object.data() + 32, &state, sizeof state);
  for (const char c : characters) object.push_back(static_cast<std::byte>(c));
  return object;
}
constexpr uint32_t kAscii = 1U << 2U | 1U << 5U | 1U << 6U;

TEST(PythonStrTest, CharactersThatCannotBeShownAreReplaced) {
  EXPECT_EQ(parse_python_str(PYTHON_3_12, str_object(3, kAscii, "a\nb"), kMost), "a\uFFFDb");
}

TEST(PythonStrTest, WhatIsNoStrIsRefused) {
  EXPECT_TRUE(parse_python_str(PYTHON_3_12, str_object(1, kAscii, "a"), kMost));
  for (const uint32_t state :
       {0U, ~0U, kAscii & ~(1U << 5U), kAscii | 1U << 3U, 3U << 2U | 1U << 5U}) {
    EXPECT_FALSE(parse_python_str(PYTHON_3_12, str_object(1, state, "a"), kMost)) << state;
  }
  EXPECT_FALSE(parse_python_str(PYTHON_3_12, str_object(~uint64_t{0}, kAscii, "a"), kMost));
  EXPECT_FALSE(parse_python_str(PYTHON_UNKNOWN, str_object(1, kAscii, "a"), kMost));
}

}  // namespace
}  // namespace hostlens::symbols
