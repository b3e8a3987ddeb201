// SPDX-License-Identifier: Apache-2.0
#include "discovery/proc_files.h"

#include <gtest/gtest.h>

namespace hostlens::discovery {
namespace {

using namespace std::string_literals;

constexpr std::string_view kStat =
    "4242 (nginx) S 1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 867351 3133440 382 1 2 3\n";

TEST(ProcFilesTest, ReadsParentAndStartOfStat) {
  const auto stat = parse_stat(kStat);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "nginx");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent_pid, 1U);
  EXPECT_EQ(stat->start_ticks, 867351U);
}

TEST(ProcFilesTest, TakesACommThatImitatesStat) {
  const auto stat = parse_stat(
      "7 (a) R 9 (b) S 1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 55 3133440 382\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "a) R 9 (b");
  EXPECT_EQ(stat->parent_pid, 1U);
  EXPECT_EQ(stat->start_ticks, 55U);
}

TEST(ProcFilesTest, RejectsEveryTruncationOfStat) {
  const size_t behind_start = kStat.find("867351") + 1;
  for (size_t size = 0; size < behind_start; ++size) {
    EXPECT_FALSE(parse_stat(kStat.substr(0, size))) << size;
  }
}

TEST(ProcFilesTest, SplitsArgumentsAndDropsThePaddingOfATitle) {
  EXPECT_EQ(parse_command_line("python3\0-m\0http.server\0"s),
            (std::vector<std::string>{"python3", "-m", "http.server"}));
  EXPECT_EQ(parse_command_line("a\0\0b\0"s), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(parse_command_line("nginx: worker process\0\0\0\0"s),
            (std::vector<std::string>{"nginx: worker process"}));
  EXPECT_TRUE(parse_command_line("").empty());
  EXPECT_EQ(parse_command_line(std::string(1 << 20, '\0') + "x").size(), 0U);
  EXPECT_LE(parse_command_line(std::string(1 << 20, 'x')).front().size(), kMaxCommandLineBytes);
}

TEST(ProcFilesTest, FindsAVariableByItsWholeName) {
  const std::string environment =
      "XOTEL_SERVICE_NAME=no\0OTEL_SERVICE_NAMES=no\0OTEL_SERVICE_NAME=a=b\0"s;
  EXPECT_EQ(find_variable(environment, "OTEL_SERVICE_NAME"), "a=b");
  EXPECT_FALSE(find_variable(environment, "OTEL"));
  EXPECT_FALSE(find_variable("OTEL_SERVICE_NAME", "OTEL_SERVICE_NAME"));
}

TEST(ProcFilesTest, ReadsTheEffectiveUser) {
  EXPECT_EQ(parse_effective_uid("Name:\tx\nUid:\t0\t33\t33\t33\nGid:\t0\n"), 33U);
  EXPECT_FALSE(parse_effective_uid("Name:\tUid:\t1\t2\n"));
  EXPECT_FALSE(parse_effective_uid("\nUid:\t1\n"));
}

TEST(ProcFilesTest, CleanTextIsAlwaysShortUtf8WithoutControls) {
  EXPECT_EQ(clean_text("größe"), "größe");
  EXPECT_EQ(clean_text("a\xFF\nb\x7F"), "a??b?");
  EXPECT_EQ(clean_text("\xC0\x80"), "??");            // overlong NUL
  EXPECT_EQ(clean_text("\xED\xA0\x80"), "???");       // surrogate
  EXPECT_EQ(clean_text("\xF4\x90\x80\x80"), "????");  // above U+10FFFF
  EXPECT_EQ(clean_text("äää", 5), "ää");              // never half a character
}

}  // namespace
}  // namespace hostlens::discovery
