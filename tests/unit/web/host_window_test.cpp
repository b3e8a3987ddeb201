// SPDX-License-Identifier: Apache-2.0
#include "web/host_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hostlens::web {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Families = std::shared_ptr<const std::vector<model::MetricFamily>>;
using Labels = std::map<std::string, std::string>;

constexpr uint64_t kSecond = 1'000'000'000;

std::shared_ptr<const model::Service> service(const std::string& name) {
  auto made = std::make_shared<model::Service>();
  made->name = name;
  return made;
}

model::MetricPoint point(model::Attributes attributes, double value) {
  model::MetricPoint made;
  made.attributes = std::move(attributes);
  made.value = value;
  return made;
}

/// `count` values in (1 ms, 2 ms] by the reckoning of octaves, and as many that were too short.
model::MetricPoint times(model::Attributes attributes, uint64_t count,
                         std::shared_ptr<const model::Service> whose = nullptr) {
  model::ExponentialHistogram histogram;
  histogram.scale = 0;
  histogram.offset = -10;
  histogram.counts = {count};
  histogram.zero_count = count;
  histogram.count = 2 * count;
  histogram.sum = 0.0015 * static_cast<double>(count);
  histogram.has_range = false;
  model::MetricPoint made;
  made.service = std::move(whose);
  made.attributes = std::move(attributes);
  made.value = histogram;
  return made;
}

Families families(const std::string& name, std::vector<model::MetricPoint> points) {
  model::MetricFamily family;
  family.name = name;
  family.points = std::move(points);
  return std::make_shared<const std::vector<model::MetricFamily>>(
      std::vector<model::MetricFamily>{family});
}

const HostRow* find(const HostRows& rows, const std::string& name, const Labels& labels = {},
                    const std::string& service = "") {
  for (const HostRow& row : rows.rows) {
    if (row.name == name && row.attributes == labels && row.service == service) return &row;
  }
  return nullptr;
}

TEST(HostWindowTest, RatesAreOfTheLastTwoReadingsAlone) {
  HostWindow window;
  const auto cpu = [](double idle, double user) {
    return families(
        "system.cpu.time",
        {point({{"cpu.logical_number", int64_t{0}}, {"cpu.mode", std::string("idle")}}, idle),
         point({{"cpu.logical_number", int64_t{1}}, {"cpu.mode", std::string("idle")}}, idle),
         point({{"cpu.logical_number", int64_t{0}}, {"cpu.mode", std::string("user")}}, user)});
  };
  window.take_files({cpu(1000, 50), 1 * kSecond});
  EXPECT_THAT(window.rows(2 * kSecond).rows, IsEmpty());  // one reading: no rate
  EXPECT_EQ(window.rows(2 * kSecond).files.seconds, 0);
  window.take_files({cpu(2000, 60), 3 * kSecond});
  window.take_files({cpu(2004, 70), 13 * kSecond});
  const HostRows rows = window.rows(15 * kSecond);
  EXPECT_EQ(rows.files.seconds, 10);
  EXPECT_EQ(rows.files.age_seconds, 2);
  EXPECT_EQ(rows.kernel.seconds, 0);
  EXPECT_LT(rows.kernel.age_seconds, 0);  // none was read
  const HostRow* const idle = find(rows, "system.cpu.time", {{"cpu.mode", "idle"}});
  ASSERT_NE(idle, nullptr);
  EXPECT_DOUBLE_EQ(idle->value, 0.8);  // both CPUs
  EXPECT_DOUBLE_EQ(find(rows, "system.cpu.time", {{"cpu.mode", "user"}})->value, 1.0);
}

TEST(HostWindowTest, TheSameReadingAgainIsNoNewOne) {
  HostWindow window;
  const Families once = families("system.uptime", {point({}, 5)});
  window.take_files({once, kSecond});
  window.take_files({once, 9 * kSecond});
  EXPECT_EQ(window.rows(9 * kSecond).files.seconds, 0);
  EXPECT_EQ(window.rows(9 * kSecond).files.age_seconds, 8);
  EXPECT_EQ(find(window.rows(9 * kSecond), "system.uptime")->value, 5);  // a level needs no second
}

TEST(HostWindowTest, ADiskThatAppearedOrWasResetGainedNothingKnown) {
  const auto disk = [](const std::string& name, double bytes) {
    return point({{"disk.io.direction", std::string("read")}, {"system.device", name}}, bytes);
  };
  const HostReadings files{
      {families("system.disk.io", {disk("sda", 900)}), kSecond},
      {families("system.disk.io", {disk("sda", 10), disk("sdb", 5000)}), 2 * kSecond}};
  const HostRows rows = host_rows(files, {}, 2 * kSecond);
  ASSERT_THAT(rows.rows, SizeIs(1));
  EXPECT_EQ(rows.rows[0].attributes.at("system.device"), "sda");
  EXPECT_EQ(rows.rows[0].value, 0);
}

TEST(HostWindowTest, DistributionsAreDifferencesOfEachSeries) {
  const std::string name = "hostlens.thread.runqueue.duration";
  const auto shop = service("shop");
  const auto bank = service("bank");
  const auto wakeup = [] { return model::Attributes{{"reason", std::string("wakeup")}}; };
  // The bank's series was new or expired between: what others had counted is not taken off it.
  const HostReadings kernel{
      {families(name, {times(wakeup(), 1000, shop)}), kSecond},
      {families(name, {times(wakeup(), 1007, shop), times(wakeup(), 3, bank)}), 11 * kSecond}};
  const HostRows rows = host_rows({}, kernel, 12 * kSecond);
  EXPECT_EQ(rows.kernel.seconds, 10);
  const HostRow* const all = find(rows, name, {{"reason", "wakeup"}});
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->kind, HostRow::Kind::kDistribution);
  EXPECT_EQ(all->distribution.count, 20U);
  EXPECT_EQ(all->distribution.zero_count, 10U);
  EXPECT_EQ(find(rows, name, {}, "shop")->distribution.count, 14U);
  EXPECT_EQ(find(rows, name, {}, "bank")->distribution.count, 6U);
  const HostReadings later{kernel.now, {families(name, {times(wakeup(), 3, bank)}), 21 * kSecond}};
  const HostRows quiet = host_rows({}, later, 21 * kSecond);
  EXPECT_EQ(find(quiet, name, {{"reason", "wakeup"}})->distribution.count, 0U);
  EXPECT_EQ(find(quiet, name, {}, "bank"), nullptr);  // a service without any is not listed
}

TEST(HostWindowTest, ManyServicesAreBounded) {
  const std::string name = "hostlens.thread.runqueue.duration";
  std::vector<model::MetricPoint> points;
  for (uint64_t i = 1; i <= 500; ++i) {
    points.push_back(times({}, i, service("service-" + std::to_string(i))));
  }
  const HostReadings kernel{{families(name, {}), kSecond}, {families(name, points), 2 * kSecond}};
  const HostRows rows = host_rows({}, kernel, 2 * kSecond);
  EXPECT_THAT(rows.rows, SizeIs(11));  // the sum, and ten
  EXPECT_NE(find(rows, name, {}, "service-500"), nullptr);
  EXPECT_EQ(find(rows, name, {}, "service-490"), nullptr);
}

TEST(HostWindowTest, WhatIsKeptOfTheReadingBeforeIsEnough) {
  HostWindow window;
  const auto both = [](double bytes) {
    auto made = *families("system.network.errors",
                          {point({{"network.interface.name", std::string("eth0")}}, bytes)});
    made.push_back(families("process.cpu.time", {point({}, bytes)})->front());
    return std::make_shared<const std::vector<model::MetricFamily>>(made);
  };
  const std::weak_ptr<const std::vector<model::MetricFamily>> first = [&] {
    const Families reading = both(1);
    window.take_files({reading, kSecond});
    return reading;
  }();
  window.take_files({both(4), 2 * kSecond});
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(
      find(window.rows(kSecond), "system.network.errors", {{"network.interface.name", "eth0"}})
          ->value,
      3);
}

}  // namespace
}  // namespace hostlens::web
