// SPDX-License-Identifier: Apache-2.0
#include "discovery/unit_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "unit/discovery/fake_systemd.h"

namespace hostlens::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr uint64_t kMs = 1'000'000;

std::vector<std::string> names(const UnitReading& reading) {
  std::vector<std::string> names;
  for (const model::UnitState& unit : reading.units) names.push_back(unit.name);
  return names;
}

class UnitReaderTest : public ::testing::Test {
 protected:
  UnitReader make(uint64_t patience_ns = 10'000 * kMs, size_t max_units = 256) {
    return UnitReader({systemd_.address(), patience_ns, max_units});
  }
  FakeSystemd systemd_;
};

TEST_F(UnitReaderTest, TellsTheWantedUnitsAndEveryFailedOne) {
  systemd_.put("nginx.service", {.restarts = 3, .since_us = 1'700'000'000'000'000, .main_pid = 42});
  systemd_.put("other.service", {});
  systemd_.put("srv.mount", {.active = "failed", .sub = "failed", .result = "exit-code"});
  systemd_.put("bad.target", {.active = "failed", .sub = "dead"});
  UnitReader reader = make();
  const UnitReading reading = reader.read({"nginx.service", "absent.service"});
  ASSERT_FALSE(reading.error) << reading.error->text();
  ASSERT_THAT(names(reading), UnorderedElementsAre("nginx.service", "srv.mount", "bad.target"));
  EXPECT_EQ(reading.units[0], (model::UnitState{"nginx.service", "active", "running", "success", 3,
                                                1'700'000'000'000'000'000, 42, nullptr}));
  for (const model::UnitState& unit : reading.units) {
    if (unit.name == "nginx.service") continue;
    EXPECT_EQ(unit.result, unit.name == "srv.mount" ? "exit-code" : "") << unit.name;
  }
}

TEST_F(UnitReaderTest, AWantedUnitThatFailedIsToldOnce) {
  systemd_.put("crash.service", {.active = "failed", .sub = "failed", .result = "signal"});
  UnitReader reader = make();
  EXPECT_THAT(names(reader.read({"crash.service"})), ElementsAre("crash.service"));
}

TEST_F(UnitReaderTest, AsksOnlyForWhatChanged) {
  systemd_.put("a.service", {.since_us = 1});
  UnitReader reader = make();
  (void)reader.read({"a.service"});
  EXPECT_EQ(systemd_.take_calls().size(), 6U);
  EXPECT_EQ(reader.read({"a.service"}).units[0].result, "success");
  EXPECT_THAT(systemd_.take_calls(),
              ElementsAre("ListUnitsByPatterns", "ListUnitsFiltered", "Get StateChangeTimestamp"));
  systemd_.put("a.service", {.restarts = 1, .since_us = 2});
  EXPECT_EQ(reader.read({"a.service"}).units[0].restarts, 1U);
}

TEST_F(UnitReaderTest, ARestartCounterThatWasResetByHandIsSeenLater) {
  systemd_.put("a.service", {.restarts = 5, .since_us = 1});
  UnitReader reader = make();
  EXPECT_EQ(reader.read({"a.service"}).units[0].restarts, 5U);
  systemd_.put("a.service", {.restarts = 0, .since_us = 1});
  uint32_t restarts = 5;
  for (int i = 0; i < 40 && restarts != 0; ++i)
    restarts = reader.read({"a.service"}).units[0].restarts;
  EXPECT_EQ(restarts, 0U);
}

TEST_F(UnitReaderTest, NamesAreNoPatterns) {
  systemd_.put("a.service", {});
  UnitReader reader = make();
  EXPECT_THAT(names(reader.read({"*.service"})), IsEmpty());
}

TEST_F(UnitReaderTest, KeepsItsLimitAndCountsTheRest) {
  for (int i = 0; i < 20; ++i) {
    systemd_.put("f" + std::to_string(i) + ".service", {.active = "failed", .sub = "failed"});
  }
  UnitReader reader = make(10'000 * kMs, 5);
  const UnitReading reading = reader.read({});
  EXPECT_EQ(reading.units.size(), 5U);
  EXPECT_EQ(reading.over_limit, 15U);
}

TEST_F(UnitReaderTest, AManagerThatDoesNotAnswerCostsItsPatienceOnly) {
  UnitReader reader = make(50 * kMs);
  systemd_.set_mood(FakeMood::kSilent);
  const uint64_t start_ns = base::monotonic_now_ns();
  const UnitReading reading = reader.read({"a.service"});
  EXPECT_LT(base::monotonic_now_ns() - start_ns, 5'000 * kMs);
  ASSERT_TRUE(reading.error);
  EXPECT_EQ(reading.error->kind, base::Error::Kind::kBusy);
  // And when it answers again, all is well.
  systemd_.set_mood(FakeMood::kAnswers);
  systemd_.put("a.service", {});
  UnitReader patient = make();
  EXPECT_THAT(names(patient.read({"a.service"})), ElementsAre("a.service"));
}

TEST_F(UnitReaderTest, ABusThatNeverGreetsCostsItsPatienceOnly) {
  base::UniqueFd mute(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string pattern = (std::filesystem::temp_directory_path() / "mute_bus.XXXXXX").string();
  const std::string directory = ::mkdtemp(pattern.data());
  (directory + "/bus").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(mute.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(mute.get(), 1), 0);
  UnitReader reader({"unix:path=" + directory + "/bus", 50 * kMs, 10});
  const UnitReading reading = reader.read({});
  std::filesystem::remove_all(directory);
  ASSERT_TRUE(reading.error);
  EXPECT_EQ(reading.error->kind, base::Error::Kind::kBusy);
}

TEST_F(UnitReaderTest, EachThatGoesWrongIsAnErrorAndTheNextReadRecovers) {
  systemd_.put("a.service", {});
  UnitReader reader = make();
  const std::vector<std::pair<FakeMood, base::Error::Kind>> moods{
      {FakeMood::kTalksNonsense, base::Error::Kind::kInvalid},
      {FakeMood::kRefuses, base::Error::Kind::kDenied},
      {FakeMood::kHangsUp, base::Error::Kind::kIo}};
  for (const auto& [mood, kind] : moods) {
    systemd_.set_mood(mood);
    const UnitReading reading = reader.read({"a.service"});
    ASSERT_TRUE(reading.error);
    EXPECT_EQ(reading.error->kind, kind) << reading.error->text();
    systemd_.set_mood(FakeMood::kAnswers);
    EXPECT_THAT(names(reader.read({"a.service"})), ElementsAre("a.service"));
  }
}

TEST_F(UnitReaderTest, WithoutABusItSaysSo) {
  UnitReader reader({"unix:path=/no/such/bus", 1'000 * kMs, 10});
  const UnitReading reading = reader.read({"a.service"});
  EXPECT_THAT(reading.units, IsEmpty());
  ASSERT_TRUE(reading.error);
  EXPECT_EQ(reading.error->kind, base::Error::Kind::kNotFound);
  EXPECT_NE(reading.error->remedy, "");
}

}  // namespace
}  // namespace hostlens::discovery
