// SPDX-License-Identifier: Apache-2.0
#include "web/host_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hostlens::web {
namespace {

using ::testing::SizeIs;

HostRows example() {
  HostRows rows;
  rows.files = {10, 2};
  rows.kernel = {0, -1};
  rows.rows.push_back({"system.uptime", HostRow::Kind::kLevel, "", {}, 12.5, {}});
  rows.rows.push_back(
      {"system.disk.io", HostRow::Kind::kRate, "", {{"system.device", "sda"}}, 1e6, {}});
  HostRow times{"hostlens.fsync.duration", HostRow::Kind::kDistribution, "shop", {}, 0, {}};
  times.distribution.scale = 0;
  times.distribution.offset = -10;
  times.distribution.counts = {1, 2};
  times.distribution.count = 3;
  times.distribution.sum = 0.004;
  rows.rows.push_back(times);
  rows.unavailable = {{"hostlens.file.io.duration", "refused", "boot another kernel"}};
  return rows;
}

TEST(HostRowsTest, TheClientReadsWhatTheAgentWrote) {
  const auto rows = host_rows_from_json(to_json(example()));
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->files.seconds, 10);
  EXPECT_EQ(rows->files.age_seconds, 2);
  EXPECT_EQ(rows->kernel.age_seconds, -1);
  ASSERT_THAT(rows->rows, SizeIs(3));
  EXPECT_EQ(rows->rows[0].value, 12.5);
  EXPECT_EQ(rows->rows[1].kind, HostRow::Kind::kRate);
  EXPECT_EQ(rows->rows[1].attributes.at("system.device"), "sda");
  EXPECT_EQ(rows->rows[2].service, "shop");
  EXPECT_EQ(rows->rows[2].distribution.counts, (std::vector<uint64_t>{1, 2}));
  EXPECT_FALSE(rows->rows[2].distribution.has_range);
  ASSERT_THAT(rows->unavailable, SizeIs(1));
  EXPECT_EQ(rows->unavailable[0].reason, "refused");
  EXPECT_EQ(rows->unavailable[0].remedy, "boot another kernel");
}

TEST(HostRowsTest, NamesThatAreNoUtf8AreStillADocument) {
  HostRows rows = example();
  rows.rows[2].service = "\xff\xfe";
  EXPECT_TRUE(nlohmann::json::accept(to_json(rows)));
}

TEST(HostRowsTest, OtherAnswersAreRefused) {
  for (const char* text : {"", "{", "[]", "{}", "null", R"({"files":1,"kernel":1,"rows":[]})"}) {
    EXPECT_FALSE(host_rows_from_json(text)) << text;
  }
  const nlohmann::json good = nlohmann::json::parse(to_json(example()));
  const auto refused = [&](const char* where, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(where)] = value;
    return !host_rows_from_json(bad.dump());
  };
  EXPECT_FALSE(refused("/files/seconds", 3));
  EXPECT_TRUE(refused("/files/seconds", -3));
  EXPECT_TRUE(refused("/files/seconds", "3"));
  EXPECT_TRUE(refused("/rows", 3));
  EXPECT_TRUE(refused("/rows/0/kind", "histogram"));
  EXPECT_TRUE(refused("/rows/0/value", nullptr));
  EXPECT_TRUE(refused("/rows/1/attributes", nlohmann::json::array()));
  EXPECT_TRUE(refused("/rows/1/attributes/system.device", 3));
  EXPECT_TRUE(refused("/rows/2/distribution/counts/0", -1));
  EXPECT_TRUE(refused("/rows/2/distribution/scale", 99));
  EXPECT_TRUE(refused("/unavailable/0/reason", 3));
  EXPECT_FALSE(host_rows_from_json(R"({"files":{"seconds":1e999,"age_seconds":0}})"));
}

}  // namespace
}  // namespace hostlens::web
