// SPDX-License-Identifier: Apache-2.0
// cgroups of both versions and side by side; containers that are restarted.
#include "scrapers/cgroup_scraper.h"

#include <gtest/gtest.h>

#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

const std::string kContainer =
    "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string v1_membership(const std::string& path) {
  return "6:cpu,cpuacct:" + path + "\n5:memory:" + path + "\n4:blkio:" + path + "\n3:pids:" + path +
         "\n1:name=systemd:" + path + "\n";
}

TEST(CgroupScraperTest, V1TellsWhatV2Does) {
  CgroupScraper scraper;
  scraper.set_targets({{v1_membership(kContainer), service_of("web")}});
  ScraperRun run(fixture("cgroup_v1"));
  const Points points = run(scraper);
  const std::map<std::string, double> expected = {
      {"web/container.cpu.time{cpu.mode=user}", 6},
      {"web/container.cpu.time{cpu.mode=system}", 3},
      {"web/hostlens.cgroup.cpu.periods{}", 400},
      {"web/hostlens.cgroup.cpu.throttled.periods{}", 25},
      {"web/hostlens.cgroup.cpu.throttled.time{}", 1.5},
      {"web/hostlens.cgroup.cpu.limit{}", 0.5},
      {"web/container.memory.usage{}", 104857600},
      {"web/container.memory.working_set{}", 83886080},
      {"web/container.memory.rss{}", 62914560},
      {"web/hostlens.cgroup.memory.events{event=max}", 9},
      {"web/hostlens.cgroup.memory.events{event=oom_kill}", 3},
      {"web/container.paging.faults{system.paging.fault.type=major}", 12},
      {"web/container.paging.faults{system.paging.fault.type=minor}", 24988},
      {"web/container.disk.io{disk.io.direction=read}", 1050},
      {"web/container.disk.io{disk.io.direction=write}", 2000},
      {"web/hostlens.cgroup.threads{}", 17}};
  EXPECT_EQ(points, expected);  // no limit of memory or processes, no pressure
  EXPECT_EQ(run.errors(), 0U);
}

TEST(CgroupScraperTest, SideBySideEachControllerIsReadWhereItIs) {
  CgroupScraper scraper;
  // No controller of CPU time below this cgroup: its line shows the root, which is the whole host.
  scraper.set_targets(
      {{"3:cpuacct:/\n2:memory:/system.slice/db.service\n"
        "0::/system.slice/db.service\n",
        service_of("db")}});
  ScraperRun run(fixture("cgroup_hybrid"));
  const Points points = run(scraper);
  EXPECT_EQ(value(points, "db/container.memory.usage{}"), 5000.0);
  EXPECT_EQ(value(points, "db/hostlens.cgroup.pressure.time{kind=some,resource=cpu}"), 4.0);
  EXPECT_EQ(value(points, "db/container.cpu.time{cpu.mode=user}"), 6e-6);
}

TEST(CgroupScraperTest, TheRootIsTheHostAndNoContainer) {
  CgroupScraper scraper;
  scraper.set_targets({{"0::/\n", service_of("a")}, {"/", service_of("b")}, {"", service_of("c")}});
  ScraperRun run(fixture("server"));
  EXPECT_TRUE(run(scraper).empty());
  EXPECT_EQ(run.errors(), 0U);
}

TEST(CgroupScraperTest, APathThatClimbsIsNotFollowed) {
  CgroupScraper scraper;
  scraper.set_targets({{"0::/system.slice/../system.slice/web.service\n", service_of("a")},
                       {"0::/../etc\n", service_of("a")},
                       {"0::/..\n", service_of("a")},
                       {"0::relative\n", service_of("a")}});
  ScraperRun run(fixture("server"));
  EXPECT_TRUE(run(scraper).empty());
}

TEST(CgroupScraperTest, WhatIsMountedOfAHierarchyIsWhereItsPathsBegin) {
  Mount mount;
  mount.type = "cgroup2";
  mount.root = "/machine.slice";
  mount.point = "/sys/fs/cgroup";
  const CgroupHierarchies hierarchies({mount});
  EXPECT_EQ(hierarchies.find("0::/machine.slice/a.scope\n", "")[0].path, "/sys/fs/cgroup/a.scope");
  EXPECT_EQ(hierarchies.find("0::/machine.slice\n", "")[0].path, "");
  EXPECT_EQ(hierarchies.find("0::/machine.slices/a\n", "")[0].path, "");
  EXPECT_EQ(hierarchies.find("0::/other/a\n", "")[0].path, "");
}

class CgroupRestartTest : public testing::Test {
 protected:
  void put(const std::string& name, uint64_t user_microseconds) const {
    tree_.write(
        "sys/fs/cgroup/" + name + "/cpu.stat",
        "usage_usec 1\nuser_usec " + std::to_string(user_microseconds) + "\nsystem_usec 0\n");
  }
  TemporaryTree tree_{fixture("server")};
  ScraperRun run_{tree_.path()};
  CgroupScraper scraper_;
  static constexpr const char* kUser = "web/container.cpu.time{cpu.mode=user}";
};

TEST_F(CgroupRestartTest, CpuTimeGoesOnInTheNextContainerOfTheService) {
  put("a", 5'000'000);
  const auto web = service_of("web");
  scraper_.set_targets({{"0::/a\n", web}});
  EXPECT_EQ(value(run_(scraper_), kUser), 5.0);
  tree_.remove("sys/fs/cgroup/a");
  Points points = run_(scraper_);
  EXPECT_EQ(value(points, kUser), 5.0);
  EXPECT_FALSE(points.contains("web/container.memory.usage{}"));
  EXPECT_EQ(run_.errors(Reason::kVanished), 1U);
  put("b", 1'000'000);
  scraper_.set_targets({{"0::/b\n", web}});
  EXPECT_EQ(value(run_(scraper_), kUser), 6.0);
}

TEST_F(CgroupRestartTest, UsageIsTheMeanSinceTheLastReading) {
  put("a", 5'000'000);
  scraper_.set_targets({{"0::/a\n", service_of("web")}});
  EXPECT_FALSE(run_(scraper_).contains("web/container.cpu.usage{}"));
  put("a", 8'000'000);
  run_.pass(3);  // and one more for each run
  EXPECT_EQ(value(run_(scraper_), "web/container.cpu.usage{}"), 0.75);
}

TEST_F(CgroupRestartTest, MoreThanTheLimitAreCountedAndNotRead) {
  CgroupScraper scraper(3);
  std::vector<CgroupTarget> targets;
  for (int i = 0; i < 9; ++i) {
    put("c" + std::to_string(i), 1'000'000);
    targets.push_back({"0::/c" + std::to_string(i) + "\n", service_of("web")});
  }
  scraper.set_targets(targets);
  EXPECT_EQ(value(run_(scraper), kUser), 3.0);
  EXPECT_EQ(run_.errors(Reason::kTooMany), 1U);
}

}  // namespace
}  // namespace hostlens::scrapers
