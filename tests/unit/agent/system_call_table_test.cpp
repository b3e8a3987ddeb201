// SPDX-License-Identifier: Apache-2.0
#include "agent/system_call_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

/// `count` calls of between 2^-18 s (3.8 us) and twice that.
model::ExponentialHistogram calls(uint64_t count) {
  model::ExponentialHistogram histogram;
  histogram.scale = 0;
  histogram.offset = -18;
  histogram.counts = {count};
  histogram.count = count;
  histogram.sum = static_cast<double>(count) * 5e-6;
  histogram.has_range = false;
  return histogram;
}

web::SystemCallRows answer(double seconds, std::vector<web::SystemCallRow> rows) {
  web::SystemCallRows answer;
  answer.watched_seconds = seconds;
  answer.rows = std::move(rows);
  return answer;
}

TEST(SystemCallTableTest, ShowsWhatCameBetweenTwoAnswers) {
  const auto before = answer(1, {{"web", "openat", "ENOENT", calls(5)}});
  auto now = answer(3, {{"web", "openat", "ENOENT", calls(45)},
                        {"web", "openat", "", calls(10)},
                        {"web", "getppid", "", calls(300)},
                        {"web", "close", "EBADF", calls(0)}});
  now.cost_seconds = 0.001;
  now.runs = 5000;
  const SystemCallTable table = system_call_table(before, now);
  EXPECT_DOUBLE_EQ(table.seconds, 2);
  ASSERT_EQ(table.lines.size(), 2U);
  EXPECT_EQ(table.lines[0].system_call, "getppid");
  EXPECT_EQ(table.lines[0].duration.count, 300U);
  EXPECT_EQ(table.lines[1].duration.count, 50U);
  EXPECT_EQ(table.lines[1].errors.at("ENOENT"), 40U);
  const std::string text = render(table);
  EXPECT_THAT(text, HasSubstr("ENOENT 40"));
  EXPECT_THAT(text, HasSubstr("150.0"));
  EXPECT_THAT(text, HasSubstr("200 ns at each end"));
}

TEST(SystemCallTableTest, AnUnknownCostIsSaidToBeUnknown) {
  const std::string text = render(system_call_table(answer(0, {}), answer(1, {})));
  EXPECT_THAT(text, HasSubstr("no system call was seen"));
  EXPECT_THAT(text, HasSubstr("cannot be measured"));
}

TEST(SystemCallTableTest, TextsOfStrangersAreHarmless) {
  const auto now = answer(1, {{"web", "x\x1b[2J", "E\n", calls(1)}});
  EXPECT_THAT(render(system_call_table(answer(0, {}), now)), Not(HasSubstr("\x1b")));
}

TEST(SystemCallTableTest, RowsSurviveTheWire) {
  auto rows = answer(2.5, {{"web", "openat", "ENOENT", calls(5)}});
  rows.cost_seconds = 0.25;
  rows.runs = 9;
  const auto back = web::system_call_rows_from_json(web::to_json(rows));
  ASSERT_TRUE(back);
  EXPECT_DOUBLE_EQ(back->watched_seconds, 2.5);
  EXPECT_EQ(back->runs, 9U);
  ASSERT_EQ(back->rows.size(), 1U);
  EXPECT_EQ(back->rows[0].error, "ENOENT");
  EXPECT_EQ(back->rows[0].duration.counts, (std::vector<uint64_t>{5}));
  for (const char* text : {"", "{}", "[]",
                           R"({"watched_seconds":1,"cost_seconds":0,"runs":-1,)"
                           R"("syscalls":[]})",
                           R"({"watched_seconds":1,"cost_seconds":0,"runs":1,"syscalls":7})"}) {
    EXPECT_FALSE(web::system_call_rows_from_json(text)) << text;
  }
}

}  // namespace
}  // namespace hostlens::agent
