// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/unit_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "unit/discovery/fake_host.h"
#include "unit/discovery/fake_systemd.h"

namespace hostlens::agent {
namespace {

using namespace std::string_literals;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::chrono::milliseconds kLong{10'000};

class UnitWatchTest : public ::testing::Test {
 protected:
  std::shared_ptr<const model::Service> put(uint32_t pid, const std::string& cgroup,
                                            const std::string& environment = {}) {
    discovery::FakeProcess process;
    process.pid = pid;
    process.executable = "/usr/bin/worker";
    process.cgroup = "0::" + cgroup + "\n";
    process.environment = environment;
    host_.put(process);
    return table_->resolve(pid)->service;
  }
  std::map<std::string, std::shared_ptr<const model::Service>> owners(
      const discovery::UnitReading* last = nullptr) {
    std::map<std::string, std::shared_ptr<const model::Service>> found;
    for (const UnitOwner& owner : unit_owners(*table_, nullptr, last)) {
      found.emplace(owner.unit, owner.service);
    }
    return found;
  }

  discovery::FakeHost host_;
  std::unique_ptr<discovery::ProcessTable> table_ =
      *discovery::ProcessTable::create({}, host_, host_.proc());
};

TEST_F(UnitWatchTest, AsksForUnitsOfTheSystemManagerOnly) {
  const auto web = put(7, "/system.slice/web.service");
  put(8, "/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service");
  put(9, "/lxc.payload.box/system.slice/inner.service");
  put(10, "/user.slice/user-0.slice/session-1.scope");
  EXPECT_THAT(owners(), UnorderedElementsAre(Pair("web.service", web)));
}

TEST_F(UnitWatchTest, AUnitOfSeveralServicesIsItsOwn) {
  put(7, "/system.slice/web.service", "OTEL_SERVICE_NAME=front\0"s);
  put(8, "/system.slice/web.service", "OTEL_SERVICE_NAME=back\0"s);
  EXPECT_EQ(owners().at("web.service")->name, "web");
}

TEST_F(UnitWatchTest, AFailedServiceWithoutProcessesGetsItsOwner) {
  discovery::UnitReading last;
  last.units.emplace_back().name = "dead.service";
  last.units.emplace_back().name = "srv.mount";
  const auto found = owners(&last);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("dead.service")->name, "dead");
}

TEST_F(UnitWatchTest, TellsEachUnitWithItsService) {
  discovery::FakeSystemd systemd;
  systemd.put("web.service", {.restarts = 2});
  systemd.put("dead.service", {.active = "failed", .sub = "failed"});
  const auto web = put(7, "/system.slice/web.service");
  discovery::UnitReaderSettings settings;
  settings.address = systemd.address();
  UnitWatch watch(settings);
  EXPECT_EQ(watch.last(), nullptr);
  watch.begin(unit_owners(*table_, nullptr, nullptr));
  auto reading = watch.reading(kLong);
  ASSERT_NE(reading, nullptr);
  ASSERT_EQ(reading->units.size(), 2U);
  EXPECT_EQ(reading->units[0].service, web);
  EXPECT_EQ(reading->units[0].restarts, 2U);
  EXPECT_EQ(reading->units[1].service, nullptr);  // its owner is found with the next one

  watch.begin(unit_owners(*table_, nullptr, reading.get()));
  reading = watch.reading(kLong);
  for (const model::UnitState& unit : reading->units) EXPECT_NE(unit.service, nullptr);
}

TEST_F(UnitWatchTest, ABusThatHangsHoldsNobodyUp) {
  discovery::FakeSystemd systemd;
  systemd.set_mood(discovery::FakeMood::kSilent);
  UnitWatch watch({systemd.address(), 100'000'000, 10});
  watch.begin({{"web.service", nullptr}});
  EXPECT_EQ(watch.reading(std::chrono::milliseconds(0)), nullptr);
  const auto reading = watch.reading(kLong);
  ASSERT_NE(reading, nullptr);
  EXPECT_TRUE(reading->error);
}

}  // namespace
}  // namespace hostlens::agent
