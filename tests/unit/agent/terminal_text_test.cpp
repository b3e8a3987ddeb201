// SPDX-License-Identifier: Apache-2.0
#include "agent/terminal_text.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"

namespace hostlens::agent {
namespace {

TEST(TerminalTextTest, LeavesHarmlessTextAlone) {
  EXPECT_EQ(terminal_text("/users/{id}", 20), "/users/{id}");
  EXPECT_EQ(terminal_text("größe", 5), "größe");
  EXPECT_EQ(terminal_text("", 5), "");
}

TEST(TerminalTextTest, CutsWithAMark) {
  EXPECT_EQ(terminal_text("abcdef", 6), "abcdef");
  EXPECT_EQ(terminal_text("abcdef", 5), "abcd~");
  EXPECT_EQ(terminal_text("äöüäöü", 3), "äö~");
  EXPECT_EQ(terminal_text("ab", 1), "~");
  EXPECT_EQ(terminal_text("ab", 0), "");
}

TEST(TerminalTextTest, ControlsBecomeQuestionMarks) {
  EXPECT_EQ(terminal_text("a\x1b[2Jb\r\n\t\x7f", 20), "a?[2Jb????");
  EXPECT_EQ(terminal_text(std::string_view("a\0b", 3), 20), "a?b");
  EXPECT_EQ(terminal_text("a\xC2\x9B"
                          "2Jb",
                          20),
            "a?2Jb");  // C1 in UTF-8
  EXPECT_EQ(terminal_text("a\x9B"
                          "2Jb",
                          20),
            "a?2Jb");  // C1 of an 8-bit terminal
  EXPECT_EQ(terminal_text("a\u202Eb\u200Bc\u2028", 20), "a?b?c?");
}

TEST(TerminalTextTest, BrokenUtf8BecomesQuestionMarksThatCount) {
  EXPECT_EQ(terminal_text("\xC3", 5), "?");
  EXPECT_EQ(terminal_text("\xC0\xAF", 5), "??");       // overlong
  EXPECT_EQ(terminal_text("\xED\xA0\x80", 5), "???");  // a surrogate
  EXPECT_EQ(terminal_text(std::string(100, '\x80'), 5), "????~");
}

TEST(TerminalTextTest, WideCharactersTakeTwoColumns) {
  EXPECT_EQ(terminal_text("日本語", 6), "日本語");
  EXPECT_EQ(terminal_text("日本語", 5), "日本~");
  EXPECT_EQ(terminal_text("日本語", 4), "日~");
  EXPECT_EQ(terminal_cell("日本語", 8), "日本語  ");
  EXPECT_EQ(terminal_cell("日本語", 4), "日~ ");
}

TEST(TerminalTextTest, ACellIsExactlySoWide) {
  EXPECT_EQ(terminal_cell("ab", 4), "ab  ");
  EXPECT_EQ(terminal_cell("\xff", 3), "?  ");
  EXPECT_EQ(terminal_cell("abcdef", 4), "abc~");
}

TEST(TerminalTextTest, NoBytesAtAllReachATerminalUnchecked) {
  std::mt19937 random(99);
  for (int round = 0; round < 5000; ++round) {
    std::string raw(random() % 40, '\0');
    for (char& byte : raw) byte = static_cast<char>(random());
    const std::string text = terminal_text(raw, 1 + random() % 30);
    ASSERT_EQ(base::valid_utf8_prefix(text), text.size());
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      ASSERT_GE(byte, 0x20);
      ASSERT_NE(byte, 0x7F);
      const bool c1 = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
      ASSERT_FALSE(c1);
    }
  }
}

TEST(TerminalTextTest, LinesBreakAtBlanks) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("a verylongword b", 4), (std::vector<std::string>{"a", "verylongword", "b"}));
  EXPECT_EQ(wrapped("", 4), (std::vector<std::string>{""}));
}

}  // namespace
}  // namespace hostlens::agent
