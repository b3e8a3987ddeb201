// SPDX-License-Identifier: Apache-2.0
#include "agent/request_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace hostlens::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// `count` requests of half a second.
web::RequestRow row(const std::string& route, int64_t status, uint64_t count,
                    const std::string& error = {}) {
  web::RequestRow row;
  row.service = "shop";
  row.side = "server";
  row.method = "GET";
  row.route = route;
  row.status = status;
  row.error_type = error;
  row.start_unix_ns = 1000;
  row.duration.scale = 3;
  row.duration.offset = -9;  // (2^(-9/8), 2^(-8/8)]
  row.duration.counts = {count};
  row.duration.count = count;
  row.duration.sum = 0.5 * static_cast<double>(count);
  row.duration.min = row.duration.max = 0.5;
  return row;
}

web::RequestRows rows(std::vector<web::RequestRow> list) { return {2000, 500, std::move(list)}; }

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

TEST(RequestTableTest, MergesTheStatusesOfARouteAndCountsErrors) {
  const auto table = request_table(
      rows({row("/a", 200, 6), row("/a", 404, 2), row("/a", 500, 2, "500"), row("/b", 200, 20)}),
      nullptr, 10);
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[0].route, "/b");  // most requests first
  EXPECT_EQ(table.rows[0].errors, 0U);
  EXPECT_EQ(table.rows[1].route, "/a");
  EXPECT_EQ(table.rows[1].duration.count, 10U);
  EXPECT_EQ(table.rows[1].errors, 2U);
  const std::string text = render(table, {});
  EXPECT_THAT(text, HasSubstr("20.0%"));
  EXPECT_THAT(text, HasSubstr("1.0"));  // 10 requests in 10 s
  EXPECT_THAT(text, HasSubstr("500 ms"));
}

TEST(RequestTableTest, KeepsServicesSidesAndMethodsApart) {
  auto client = row("/a", 200, 1);
  client.side = "client";
  auto post = row("/a", 200, 1);
  post.method = "POST";
  auto other = row("/a", 200, 1);
  other.service = "cart";
  EXPECT_THAT(request_table(rows({row("/a", 200, 1), client, post, other}), nullptr, 1).rows,
              SizeIs(4));
}

TEST(RequestTableTest, ShowsWhatCameBetweenTwoReadings) {
  const auto before = rows({row("/a", 200, 100), row("/idle", 200, 7)});
  const auto now = rows({row("/a", 200, 130), row("/idle", 200, 7), row("/new", 200, 5)});
  const auto table = request_table(now, &before, 2);
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[0].route, "/a");
  EXPECT_EQ(table.rows[0].duration.count, 30U);
  EXPECT_EQ(table.rows[1].route, "/new");
  EXPECT_EQ(table.rows[1].duration.count, 5U);
  EXPECT_THAT(render(table, {}), HasSubstr("15.0"));
}

TEST(RequestTableTest, ARestartedSeriesIsNewAsAWhole) {
  const auto before = rows({row("/a", 200, 100)});
  auto restarted = row("/a", 200, 130);
  restarted.start_unix_ns = 1999;
  const auto table = request_table(rows({restarted}), &before, 2);
  ASSERT_THAT(table.rows, SizeIs(1));
  EXPECT_EQ(table.rows[0].duration.count, 130U);
}

TEST(RequestTableTest, TheOverflowSeriesIsCalledOther) {
  auto overflow = row("", 0, 3);
  overflow.overflow = true;
  overflow.service = "";
  overflow.method = "";
  const auto table = request_table(rows({overflow}), nullptr, 1);
  ASSERT_THAT(table.rows, SizeIs(1));
  EXPECT_EQ(table.rows[0].service, "(other)");
}

TEST(RequestTableTest, NothingSeenIsNoRow) {
  EXPECT_THAT(request_table(rows({row("/a", 200, 0)}), nullptr, 1).rows, IsEmpty());
  EXPECT_THAT(lines(render({}, {})), SizeIs(1));
}

TEST(RequestTableTest, RatesOfNoTimeAreZero) {
  EXPECT_THAT(render(request_table(rows({row("/a", 200, 5)}), nullptr, 0), {}),
              Not(HasSubstr("inf")));
}

TEST(RequestTableTest, NoLineIsWiderThanAsked) {
  auto wide = row("/" + std::string(300, 'r'), 200, 123456789, "500");
  wide.service = std::string(300, 's');
  wide.method = "PROPPATCHES";
  const auto table = request_table(rows({wide, row("/a", 200, 1)}), nullptr, 60);
  for (const size_t width : {85U, 100U, 120U, 200U}) {
    for (const std::string& line : lines(render(table, {width, 10, false}))) {
      EXPECT_LE(line.size(), width) << line;
    }
  }
  // All of it where there is room.
  EXPECT_THAT(render(request_table(rows({row("/quite/long/route", 200, 1)}), nullptr, 1), {120}),
              HasSubstr("/quite/long/route"));
}

TEST(RequestTableTest, SaysHowManyRowsAreLeftOut) {
  const auto table =
      request_table(rows({row("/a", 200, 3), row("/b", 200, 2), row("/c", 200, 1)}), nullptr, 1);
  const auto text = lines(render(table, {100, 1, false}));
  ASSERT_THAT(text, SizeIs(3));
  EXPECT_EQ(text[2], "... and 2 more");
}

TEST(RequestTableTest, ColoursOnlyOnRequest) {
  const auto table = request_table(rows({row("/a", 500, 1, "500")}), nullptr, 1);
  EXPECT_THAT(render(table, {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render(table, {100, 10, true}), HasSubstr("\x1b[31m"));
  const auto calm = request_table(rows({row("/a", 200, 1)}), nullptr, 1);
  EXPECT_THAT(render(calm, {100, 10, true}), Not(HasSubstr("\x1b[31m")));
}

TEST(RequestTableTest, TheTimeBetweenTwoAnswersIsTheAgentsMonotonicOne) {
  const web::RequestRows before = rows({});
  web::RequestRows now = before;
  now.monotonic_ns += 2'000'000'000;
  now.unix_ns -= 1000;  // the wall clock was set back
  EXPECT_EQ(seconds_between(before, now), 2.0);
  EXPECT_EQ(seconds_between(before, before), std::nullopt);
  EXPECT_EQ(seconds_between(now, before), std::nullopt) << "booted anew";
}

TEST(RequestTableTest, NoTextOfAStrangerReachesTheTerminalAsItIs) {
  for (const std::string hostile : {"\x1b[2J",
                                    "\xC2\x9B"
                                    "2J",
                                    "\x9B"
                                    "2J",
                                    "a\nb", "\x7f\x80\xff"}) {
    auto bad = row(hostile, 200, 1);
    bad.service = bad.side = bad.method = hostile;
    const std::string text = render(request_table(rows({bad}), nullptr, 1), {});
    EXPECT_THAT(text, Not(HasSubstr(hostile)));
    EXPECT_THAT(lines(text), SizeIs(2));
    for (const char byte : text) {
      const auto plain = static_cast<unsigned char>(byte);
      EXPECT_TRUE(byte == '\n' || (plain >= 0x20 && plain < 0x7F)) << int{plain};
    }
  }
}

TEST(RequestTableTest, ImpossibleNumbersStayInTheirColumns) {
  auto bad = row("/a", 200, 1);
  bad.duration.max = bad.duration.min = 1e300;
  const auto text = lines(render(request_table(rows({bad}), nullptr, 1), {100}));
  EXPECT_LE(text[1].size(), 100U);
}

}  // namespace
}  // namespace hostlens::agent
