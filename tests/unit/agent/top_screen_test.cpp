// SPDX-License-Identifier: Apache-2.0
#include "agent/top_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace hostlens::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(TopScreenTest, KeysTurnThePage) {
  TopPage page = TopPage::kRequests;
  for (const TopPage next : {TopPage::kHost, TopPage::kHealth, TopPage::kRequests}) {
    page = page_after(page, '\t');
    EXPECT_EQ(page, next);
  }
  EXPECT_EQ(page_after(TopPage::kRequests, '2'), TopPage::kHost);
  EXPECT_EQ(page_after(TopPage::kRequests, 'h'), TopPage::kHealth);
  EXPECT_EQ(page_after(TopPage::kHealth, 'r'), TopPage::kRequests);
  EXPECT_EQ(page_after(TopPage::kHost, 'x'), TopPage::kHost);
}

TEST(TopScreenTest, FillsTheTerminalWithoutScrollingIt) {
  for (size_t height = 1; height <= 30; ++height) {
    const std::string screen = top_screen(TopPage::kHost, "127.0.0.1:1", {"one", "two"}, "status",
                                          {80, height, false, false});
    EXPECT_EQ(std::count(screen.begin(), screen.end(), '\n'), static_cast<ptrdiff_t>(height) - 1);
    EXPECT_NE(screen.back(), '\n');
  }
}

TEST(TopScreenTest, TitleAndFooterAreAsWideAsTheTerminal) {
  const auto rows = lines_of(
      top_screen(TopPage::kHealth, "127.0.0.1:1", {"body"}, "2 failing", {60, 5, false, false}));
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_THAT(rows[0], HasSubstr("hostlens top - 127.0.0.1"));
  EXPECT_THAT(rows[0], HasSubstr("[3 health]"));
  EXPECT_EQ(rows[2], "\x1b[2Kbody");
  EXPECT_THAT(rows[4], HasSubstr("q: end"));
  EXPECT_THAT(rows[4], HasSubstr("2 failing"));
  EXPECT_EQ(rows[4].size(), 60 + std::string("\x1b[2K").size());
}

TEST(TopScreenTest, LinesBeyondTheRoomAreCounted) {
  const auto rows = lines_of(
      top_screen(TopPage::kHealth, "a", {"1", "2", "3", "4", "5"}, "", {60, 6, false, false}));
  EXPECT_EQ(rows[3], "\x1b[2K2");
  EXPECT_THAT(rows[4], HasSubstr("... 3 more lines"));
}

TEST(TopScreenTest, LongLinesAreCutAndTheirColoursEnd) {
  const auto rows =
      lines_of(top_screen(TopPage::kHealth, "a", {"\x1b[31m█bcdef\x1b[0m", "\x1b[31m█b\x1b[0m"}, "",
                          {4, 6, true, true}));
  EXPECT_EQ(rows[2], "\x1b[2K\x1b[31m█bcd\x1b[0m");
  EXPECT_EQ(rows[3], "\x1b[2K\x1b[31m█b\x1b[0m");
}

TEST(TopScreenTest, TextsOfTheAgentAreHarmless) {
  const std::string screen =
      top_screen(TopPage::kHost, "\x1b[31m", {}, "\x07\x1b]0;x", {60, 6, false, false});
  EXPECT_THAT(screen, Not(HasSubstr("\x1b[31m")));
  EXPECT_THAT(screen, Not(HasSubstr("\x1b]")));
}

TEST(TopScreenTest, LinesAreWithoutTheirEnds) {
  EXPECT_THAT(lines_of("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of("a\n"), ElementsAre("a"));
  EXPECT_TRUE(lines_of("").empty());
}

}  // namespace
}  // namespace hostlens::agent
