// SPDX-License-Identifier: Apache-2.0
#include "agent/health_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace hostlens::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string signal(const std::string& state, const std::string& service, const std::string& name,
                   const std::string& text) {
  return R"({"signal":")" + name + R"(","service":")" + service + R"(","state":")" + state +
         R"(","since":"2023-11-14T22:13:20.000Z","evidence":{"value":1,"threshold":2,"text":")" +
         text + R"("}})";
}
std::string document(const std::vector<std::string>& signals) {
  std::string out = R"({"signals":[)";
  for (const std::string& one : signals) out += (out.back() == '[' ? "" : ",") + one;
  return out + R"(],"unavailable":[{"signal":"clock","reason":"nobody keeps it"}]})";
}
HealthAnswer answer(const std::vector<std::string>& signals,
                    const std::optional<std::string>& service = std::nullopt) {
  auto out = health_answer(document(signals), service);
  EXPECT_TRUE(out);
  return out ? *std::move(out) : HealthAnswer{};
}

TEST(HealthTableTest, TheStatusIsOfTheWorst) {
  const std::string ok = signal("ok", "a", "up", "");
  const std::string degraded = signal("degraded", "a", "latency", "");
  const std::string failing = signal("failing", "b", "up", "");
  const std::string unknown = signal("unknown", "", "clock", "");
  EXPECT_EQ(health_status(answer({ok})), 0);
  EXPECT_EQ(health_status(answer({ok, degraded, unknown})), 1);
  EXPECT_EQ(health_status(answer({ok, degraded, unknown, failing})), 2);
  EXPECT_EQ(health_status(answer({ok, unknown})), 3);
  EXPECT_EQ(health_status(answer({})), 3);
  EXPECT_EQ(health_status(answer({ok, failing}, "a")), 0);
  EXPECT_EQ(health_status(answer({ok, failing}, "none")), 3);
}

TEST(HealthTableTest, FitsIntoEightyColumnsAndTellsWhatIsBadInWhole) {
  const std::string long_text =
      "shop-database.internal:5432: 40% of 1200 requests in 30 s failed, and that is more than "
      "anybody would want to see in one line of a terminal";
  const auto page = render(answer({signal("failing", "a-service-with-a-long-name-indeed",
                                          "check:some-long-name", long_text),
                                   signal("ok", "b", "up", long_text)}),
                           {80, 100, false}, 1'700'000'090'000'000'000);
  std::istringstream lines(page);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_GE(count, 6U);
  EXPECT_THAT(page, HasSubstr("90 s"));
  EXPECT_THAT(page, HasSubstr("clock: nobody keeps it"));
  EXPECT_THAT(page, HasSubstr("failed"));
}

TEST(HealthTableTest, NamesOfSignalsAreWholeAtEightyColumns) {
  const auto page = render(answer({signal("ok", "(host)", "file_descriptors", "none"),
                                   signal("ok", "shop-ui", "memory_pressure", "none")}),
                           {80, 100, false}, 0);
  EXPECT_THAT(page, HasSubstr("file_descriptors"));
  EXPECT_THAT(page, HasSubstr("shop-ui"));
}

TEST(HealthTableTest, TheSummaryCountsStatesWorstFirst) {
  EXPECT_EQ(health_summary(answer({signal("ok", "a", "up", ""), signal("ok", "b", "up", ""),
                                   signal("failing", "b", "latency", "")})),
            "1 failing, 2 ok");
  EXPECT_EQ(health_summary(answer({})), "");
}

TEST(HealthTableTest, ANameOfAServiceFiltersTheJsonToo) {
  const HealthAnswer one = answer({signal("ok", "a", "up", ""), signal("ok", "b", "up", "")}, "b");
  EXPECT_THAT(one.json, HasSubstr(R"("service":"b")"));
  EXPECT_THAT(one.json, Not(HasSubstr(R"("service":"a")")));
}

TEST(HealthTableTest, TextsOfStrangersAreHarmless) {
  const auto page = render(answer({signal("failing", "a\\u001b[31m", "up", "x\\u0007\\u202ey")}),
                           {80, 100, false}, 0);
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\x07")));
}

TEST(HealthTableTest, OtherAnswersAreRefused) {
  for (const char* wrong :
       {"", "{}", "[]", R"({"signals":{}})", R"({"signals":[1],"unavailable":[]})",
        R"({"signals":[{"signal":1}],"unavailable":[]})"}) {
    EXPECT_FALSE(health_answer(wrong, std::nullopt)) << wrong;
  }
}

}  // namespace
}  // namespace hostlens::agent
