// SPDX-License-Identifier: Apache-2.0
// Signals of the host on and off again, checks, bounds and clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "health/report_output.h"
#include "scene.h"

namespace hostlens::health {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

constexpr double kGiB = 1 << 30;

void space(Scene& scene, const std::string& mount, double used, double free) {
  for (const auto& [state, value] : {std::pair("used"s, used), std::pair("free"s, free)}) {
    scene.set(true, "system.filesystem.usage", nullptr,
              {{"system.filesystem.mountpoint", mount}, {"system.filesystem.state", state}}, value);
  }
}

TEST(HostSignalsTest, TheFullestDiskSpeaks) {
  Scene scene;
  space(scene, "/", 10 * kGiB, 90 * kGiB);
  space(scene, "/data", 10 * kGiB, 90 * kGiB);
  scene.seconds(30);
  ASSERT_EQ(scene.state("disk_space"), "ok");
  space(scene, "/data", 98 * kGiB, 2 * kGiB);
  scene.seconds(30);
  EXPECT_EQ(scene.state("disk_space"), "failing");
  EXPECT_THAT(scene.find("disk_space")->evidence.text, HasSubstr("/data: 98% used, 2 GiB free"));
  space(scene, "/data", 50 * kGiB, 50 * kGiB);
  scene.seconds(60);
  EXPECT_EQ(scene.state("disk_space"), "ok");
}

TEST(HostSignalsTest, ADiskThatFillsIsToldBeforeItIsFull) {
  Scene scene;
  double used = 10 * kGiB;
  scene.seconds(1500, [&] {
    used += kGiB / 100;
    space(scene, "/", used, 100 * kGiB - used);
  });
  EXPECT_EQ(scene.state("disk_space"), "failing");  // 75 GiB at 36 GiB an hour
  EXPECT_THAT(scene.find("disk_space")->evidence.text, HasSubstr("full in"));
  EXPECT_LT(*scene.find("disk_space")->evidence.value, 4 * 3600);
  scene.seconds(3600, [&] { space(scene, "/", used, 100 * kGiB - used); });
  EXPECT_EQ(scene.state("disk_space"), "ok");
}

TEST(HostSignalsTest, AMountThatDoesNotAnswerIsUnknownAndTheOthersAreJudged) {
  Scene scene;
  space(scene, "/", 10 * kGiB, 90 * kGiB);
  scene.set(true, "hostlens.filesystem.stuck", nullptr, {{"system.filesystem.mountpoint", "/nfs"s}},
            1);
  scene.seconds(30);
  EXPECT_EQ(scene.state("disk_space"), "unknown");
  EXPECT_THAT(scene.find("disk_space")->evidence.text, HasSubstr("/nfs does not answer"));
  space(scene, "/", 99 * kGiB, 1 * kGiB);
  scene.seconds(30);
  EXPECT_EQ(scene.state("disk_space"), "failing");
}

TEST(HostSignalsTest, InodesRunOutBesideSpace) {
  Scene scene;
  const auto inodes = [&](double used, double free) {
    for (const auto& [state, value] : {std::pair("used"s, used), std::pair("free"s, free)}) {
      scene.set(true, "system.filesystem.inodes.usage", nullptr,
                {{"system.filesystem.mountpoint", "/"s}, {"system.filesystem.state", state}},
                value);
    }
  };
  inodes(10, 990);
  scene.seconds(30);
  ASSERT_EQ(scene.state("inodes"), "ok");
  inodes(950, 50);
  scene.seconds(30);
  EXPECT_EQ(scene.state("inodes"), "degraded");
  inodes(10, 990);
  scene.seconds(60);
  EXPECT_EQ(scene.state("inodes"), "ok");
}

TEST(HostSignalsTest, MemoryPressureByStallsAndByWhatIsLeft) {
  Scene scene;
  const model::Attributes full = {{"kind", "full"s}, {"resource", "memory"s}};
  scene.set(true, "hostlens.pressure.time", nullptr, full, 500);
  scene.set(true, "system.memory.limit", nullptr, {}, 100);
  scene.set(true, "system.memory.linux.available", nullptr, {}, 50);
  scene.seconds(60);
  ASSERT_EQ(scene.state("memory_pressure"), "ok");
  scene.seconds(90, [&] { scene.grow(true, "hostlens.pressure.time", nullptr, full, 0.5); });
  EXPECT_EQ(scene.state("memory_pressure"), "failing");
  scene.seconds(120);
  EXPECT_EQ(scene.state("memory_pressure"), "ok");
  scene.set(true, "system.memory.linux.available", nullptr, {}, 4);
  scene.seconds(40);
  EXPECT_EQ(scene.state("memory_pressure"), "degraded");
}

TEST(HostSignalsTest, AClockThatNobodyKeptIsNotJudged) {
  Scene scene;
  scene.set(true, "hostlens.clock.synchronized", nullptr, {}, 0);
  scene.set(true, "hostlens.clock.offset", nullptr, {}, 0);
  scene.seconds(30);
  EXPECT_EQ(scene.state("clock"), "absent");
  scene.set(true, "hostlens.clock.synchronized", nullptr, {}, 1);
  scene.seconds(30);
  EXPECT_EQ(scene.state("clock"), "ok");
  scene.set(true, "hostlens.clock.offset", nullptr, {}, -2);
  scene.seconds(40);
  EXPECT_EQ(scene.state("clock"), "failing");
  scene.set(true, "hostlens.clock.offset", nullptr, {}, 0.001);
  scene.set(true, "hostlens.clock.synchronized", nullptr, {}, 0);
  scene.seconds(60);
  EXPECT_EQ(scene.state("clock"), "degraded");
}

TEST(HostSignalsTest, FailedUnitsAreCountedAndNamed) {
  Scene scene;
  const auto units = [&](const std::string& state) {
    scene.inputs().units = std::make_shared<const std::vector<model::UnitState>>(
        std::vector<model::UnitState>{{"a.service", state, "", "exit-code", 0, 0},
                                      {"b.service", "active", "running", "success", 0, 0}});
  };
  scene.second();
  EXPECT_EQ(scene.state("units"), "absent");
  units("active");
  scene.second();
  ASSERT_EQ(scene.state("units"), "ok");
  units("failed");
  scene.seconds(20);
  EXPECT_EQ(scene.state("units"), "degraded");
  EXPECT_EQ(scene.find("units")->evidence.text, "1 unit failed: a.service");
  units("active");
  scene.seconds(30);
  EXPECT_EQ(scene.state("units"), "ok");
}

TEST(HostSignalsTest, ConntrackAndListenOverflows) {
  Scene scene;
  scene.set(true, "hostlens.conntrack.limit", nullptr, {}, 1000);
  scene.set(true, "hostlens.conntrack.entries", nullptr, {}, 10);
  scene.set(true, "hostlens.network.tcp.listen.overflows", nullptr, {}, 12345);
  scene.seconds(30);
  ASSERT_EQ(scene.state("conntrack"), "ok");
  ASSERT_EQ(scene.state("accept_queue"), "ok");
  scene.set(true, "hostlens.conntrack.entries", nullptr, {}, 990);
  scene.grow(true, "hostlens.network.tcp.listen.overflows", nullptr, {}, 5);
  scene.seconds(40);
  EXPECT_EQ(scene.state("conntrack"), "failing");
  EXPECT_EQ(scene.state("accept_queue"), "degraded");
  scene.set(true, "hostlens.conntrack.entries", nullptr, {}, 10);
  scene.seconds(120);
  EXPECT_EQ(scene.state("conntrack"), "ok");
  EXPECT_EQ(scene.state("accept_queue"), "ok");
}

TEST(HostSignalsTest, TheAgentsOwnLossButNotWhatTrafficIsLike) {
  Scene scene;
  const auto records = [&](const std::string& outcome, const std::string& reason, double by) {
    model::Attributes labels = {{"stage", "kernel"s}, {"outcome", outcome}};
    if (!reason.empty()) labels.push_back({"reason", reason});
    scene.grow(false, "hostlens.records", nullptr, labels, by);
  };
  scene.seconds(60, [&] {
    records("received", "", 100);
    records("dropped", "undetected", 90);
  });
  ASSERT_EQ(scene.state("agent_loss"), "ok");
  scene.seconds(60, [&] {
    records("received", "", 100);
    records("dropped", "ring_full", 5);
  });
  EXPECT_EQ(scene.state("agent_loss"), "degraded");
  scene.seconds(120, [&] { records("received", "", 100); });
  EXPECT_EQ(scene.state("agent_loss"), "ok");
}

model::CheckStatus check(uint64_t failures, uint64_t runs, uint64_t end_ns) {
  model::CheckStatus status;
  status.name = "shop";
  status.target = "shop:443";
  status.failures = failures;
  status.runs = runs;
  status.interval_ns = 10'000'000'000;
  status.last_end_ns = end_ns;
  status.last.outcome =
      failures > 0 ? model::CheckResult::Outcome::kFailed : model::CheckResult::Outcome::kPassed;
  status.last.text = "it said so";
  return status;
}

TEST(HostSignalsTest, AChecksStateCountsItsFailures) {
  Scene scene;
  const auto judged = [&](const model::CheckStatus& status) {
    scene.inputs().checks = {status};
    scene.second();
    return scene.state("check:shop");
  };
  constexpr uint64_t kNow = 1'000'000'000'000;
  EXPECT_EQ(judged(check(0, 0, 0)), "unknown");
  EXPECT_EQ(judged(check(1, 1, kNow)), "unknown");  // has never passed
  EXPECT_EQ(judged(check(0, 2, kNow)), "ok");
  EXPECT_EQ(judged(check(2, 4, kNow)), "ok");
  EXPECT_EQ(judged(check(3, 5, kNow)), "failing");
  EXPECT_THAT(scene.find("check:shop")->evidence.text, HasSubstr("3 failures in a row"));
  EXPECT_EQ(judged(check(0, 6, kNow)), "ok");
  scene.seconds(120);
  EXPECT_EQ(scene.state("check:shop"), "unknown");  // nothing new came
}

TEST(HostSignalsTest, CertificatesByTheDaysThatAreLeft) {
  Scene scene;
  model::CheckStatus status = check(0, 1, 1'000'000'000'000);
  for (const auto& [days, state] : {std::pair(90.0, "ok"), std::pair(20.0, "degraded"),
                                    std::pair(-1.0, "failing"), std::pair(365.0, "ok")}) {
    status.last.certificate_days = days;
    scene.inputs().checks = {status};
    scene.second();
    EXPECT_EQ(scene.state("certificate"), state) << days;
  }
}

TEST(HostSignalsTest, WhatTheHostCannotTellIsNamedAndHasNoState) {
  Scene scene;
  scene.seconds(3);
  EXPECT_TRUE(scene.report().signals.empty());
  std::vector<std::string> names;
  for (const Unavailable& missing : scene.report().unavailable) names.emplace_back(missing.signal);
  for (const char* name : {"disk_space", "clock", "units", "conntrack", "oom"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
}

TEST(HostSignalsTest, AScrapeThatHangsTurnsWhatItToldUnknown) {
  Scene scene;
  space(scene, "/", 10, 90);
  scene.seconds(30);
  ASSERT_EQ(scene.state("disk_space"), "ok");
  scene.hangs_ = true;
  EXPECT_GT(scene.until("unknown", "disk_space", "", 60, [] {}), 20);
}

TEST(HostSignalsTest, SwitchedOffSignalsAreNotThere) {
  HealthSettings settings;
  settings.off = {"disk_space"};
  Scene scene(settings);
  space(scene, "/", 99, 1);
  scene.seconds(30);
  EXPECT_EQ(scene.state("disk_space"), "absent");
}

TEST(HostSignalsTest, AClockThatJumpsChangesNoState) {
  Scene scene;
  const Scene::Service shop = Scene::service("shop");
  scene.alive(shop);
  scene.seconds(100, [&] { scene.requests(shop, 10, 0.01, "500"); });
  ASSERT_EQ(scene.state("error_ratio", "shop"), "failing");
  const uint64_t since = scene.find("error_ratio", "shop")->since_unix_ns;
  for (const int64_t hours : {-48, 96, -1}) {
    scene.wall_offset_ns_ += static_cast<uint64_t>(hours * 3'600'000'000'000);
    scene.seconds(30, [&] { scene.requests(shop, 10, 0.01, "500"); });
    EXPECT_EQ(scene.state("error_ratio", "shop"), "failing") << hours;
    EXPECT_EQ(scene.state("up", "shop"), "ok");
  }
  EXPECT_EQ(scene.find("error_ratio", "shop")->since_unix_ns, since + 47 * 3'600'000'000'000);
}

TEST(HostSignalsTest, ManyServicesAreBoundedAndIdleOnesForgotten) {
  HealthBounds bounds;
  bounds.services = 10;
  Scene scene({}, bounds);
  for (int i = 0; i < 100; ++i) scene.requests(Scene::service("s" + std::to_string(i)), 20);
  scene.seconds(5);
  EXPECT_LE(scene.report().signals.size(), 20U);
  EXPECT_THAT(scene.report().unavailable.back().reason, HasSubstr("more services"));
  scene.forget_series("http.server.request.duration");
  scene.seconds(310);
  EXPECT_TRUE(scene.report().signals.empty());
}

TEST(HostSignalsTest, TheWorstComesFirstInTheOutput) {
  Scene scene;
  const Scene::Service shop = Scene::service("shop");
  space(scene, "/", 10, 90);
  scene.set(true, "hostlens.conntrack.limit", nullptr, {}, 100);
  scene.set(true, "hostlens.conntrack.entries", nullptr, {}, 90);
  scene.alive(shop, 100, 1, 999, 1000);
  scene.inputs().checks = {check(0, 0, 0)};
  scene.seconds(20);
  const auto document = nlohmann::json::parse(to_json(scene.report()));
  const auto& signals = document.at("signals");
  std::string states;
  for (const auto& signal : signals) states += signal.at("state").get<std::string>().substr(0, 1);
  EXPECT_EQ(states.substr(0, 4), "fduo") << states;
  EXPECT_EQ(signals[0].at("signal"), "file_descriptors");
  EXPECT_EQ(signals[0].at("service"), "shop");
  EXPECT_EQ(signals[0].at("evidence").at("threshold"), 0.95);
  EXPECT_EQ(signals[1].at("service"), "");
  EXPECT_TRUE(signals[2].at("evidence").at("value").is_null());
  EXPECT_THAT(signals[0].at("since").get<std::string>(), ::testing::MatchesRegex("....-..-..T.*Z"));
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = scene.unix_ns();
  add_health_family(scene.report(), snapshot);
  ASSERT_EQ(snapshot.families.size(), 1U);
  EXPECT_EQ(snapshot.families[0].name, "hostlens.health.state");
  EXPECT_EQ(std::get<int64_t>(snapshot.families[0].points[0].value), 2);
  EXPECT_EQ(std::get<int64_t>(snapshot.families[0].points[2].value), -1);
}

}  // namespace
}  // namespace hostlens::health
