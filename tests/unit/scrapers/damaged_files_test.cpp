// SPDX-License-Identifier: Apache-2.0
// Each file of the fixture cut at every byte, and replaced by garbage.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "scrapers/cpu_scraper.h"
#include "scrapers/disk_scraper.h"
#include "scrapers/filesystem_scraper.h"
#include "scrapers/interface_scraper.h"
#include "scrapers/load_scraper.h"
#include "scrapers/memory_scraper.h"
#include "scrapers/network_counters.h"
#include "scrapers/paging_scraper.h"
#include "scrapers/pressure_scraper.h"
#include "scrapers/sensor_scraper.h"
#include "scrapers/socket_scraper.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

using MakeScraper = std::function<std::unique_ptr<Scraper>()>;

template <typename T>
MakeScraper make() {
  return [] { return std::make_unique<T>(); };
}

std::unique_ptr<Scraper> make_processes() {
  auto scraper = std::make_unique<ProcessScraper>(ProcessLimitsOfScraper{}, nullptr);
  const auto web = service_of("web");
  scraper->set_targets({{{700, 0}, web, "server"}, {{701, 0}, web, "server"}});
  return scraper;
}

std::unique_ptr<Scraper> make_cgroups() {
  auto scraper = std::make_unique<CgroupScraper>();
  scraper->set_targets({{"0::/system.slice/web.service\n", service_of("web")}});
  return scraper;
}

std::unique_ptr<Scraper> make_filesystems() {
  return std::make_unique<FilesystemScraper>([](const Mount&) {
    return MountReading{MountReading::Outcome::kRead, 1000, 400, 350, 100, 60};
  });
}

struct Case {
  std::string file;
  MakeScraper scraper;
  /// What is left of a cut file may only give points that the whole one gives, each with the same
  /// value. Not so where points are counts of what is listed.
  bool subset = true;
  bool required = true;  ///< garbage in it is counted
};

std::vector<Case> cases() {
  const std::string cgroup = "sys/fs/cgroup/system.slice/web.service/";
  std::vector<Case> list = {
      {"proc/stat", make<CpuScraper>()},
      {"proc/loadavg", make<LoadScraper>()},
      {"proc/uptime", make<LoadScraper>()},
      {"proc/sys/kernel/pid_max", make<LoadScraper>()},
      {"proc/sys/fs/file-nr", make<LoadScraper>()},
      {"proc/meminfo", make<MemoryScraper>()},
      {"proc/swaps", make<PagingScraper>(), true, false},
      {"proc/vmstat", make<PagingScraper>()},
      {"proc/pressure/cpu", make<PressureScraper>()},
      {"proc/diskstats", make<DiskScraper>()},
      {"proc/net/dev", make<InterfaceScraper>(), true, false},
      {"proc/net/snmp", make<NetworkCounters>()},
      {"proc/net/netstat", make<NetworkCounters>()},
      {"proc/net/snmp6", make<NetworkCounters>()},
      {"proc/net/sockstat", make<SocketScraper>(), false, false},
      {"proc/net/tcp", make<SocketScraper>(), false, false},
      {"proc/sys/net/ipv4/ip_local_port_range", make<SocketScraper>()},
      {"proc/sys/net/netfilter/nf_conntrack_count", make<SocketScraper>()},
      {"proc/1/mountinfo", make_filesystems, false},
      {"sys/block/sda/size", make<DiskScraper>(), true, false},
      {"sys/class/hwmon/hwmon0/temp1_input", make<SensorScraper>()},
      {"sys/class/hwmon/hwmon1/fan1_input", make<SensorScraper>()},
      {"proc/700/stat", make_processes, false},
      {"proc/700/status", make_processes, false, false},
      {"proc/700/limits", make_processes, true, false},
      {"proc/800/stat", make_processes, false},
  };
  for (const char* const file : {"cpu.stat", "cpu.max", "memory.current", "memory.max",
                                 "memory.stat", "memory.events", "pids.current", "cpu.pressure"}) {
    list.push_back({cgroup + file, make_cgroups, true, false});
  }
  list.push_back({cgroup + "io.stat", make_cgroups, false, false});  // a sum over devices
  list.push_back({"proc/self/mountinfo", make_cgroups});
  return list;
}

class DamagedFilesTest : public testing::Test {
 protected:
  TemporaryTree tree_{fixture("server")};

  Points scrape(const Case& is, ScraperRun& run) {
    const auto scraper = is.scraper();
    return run(*scraper);
  }
};

TEST_F(DamagedFilesTest, ACutFileGivesNoNumberThatTheWholeOneDoesNot) {
  for (const Case& is : cases()) {
    SCOPED_TRACE(is.file);
    const std::string text = tree_.read(is.file);
    ASSERT_FALSE(text.empty());
    ScraperRun whole_run(tree_.path());
    const Points whole = scrape(is, whole_run);
    ASSERT_FALSE(whole.empty());
    for (size_t size = text.size(); size-- > 0;) {
      std::filesystem::resize_file(tree_.path() + "/" + is.file, size);
      ScraperRun run(tree_.path());
      const Points cut = scrape(is, run);
      for (const auto& [name, number] : cut) {
        if (!is.subset) break;
        ASSERT_TRUE(whole.contains(name)) << name << " at " << size;
        ASSERT_EQ(number, whole.at(name)) << name << " at " << size;
      }
    }
    tree_.write(is.file, text);
  }
}

TEST_F(DamagedFilesTest, GarbageIsSurvivedAndCounted) {
  std::mt19937 random(4);
  for (const Case& is : cases()) {
    SCOPED_TRACE(is.file);
    const std::string text = tree_.read(is.file);
    for (int round = 0; round < 20; ++round) {
      std::string garbage(1 + random() % 3000, '\0');
      for (char& byte : garbage) byte = static_cast<char>(random());
      tree_.write(is.file, garbage + "\n");
      ScraperRun run(tree_.path());
      (void)scrape(is, run);
      if (is.required) {
        EXPECT_GE(run.errors(Reason::kGarbage), 1U);
      }
    }
    tree_.write(is.file, text);
  }
}

TEST_F(DamagedFilesTest, NumbersBeyondEveryTypeAreGarbage) {
  for (const Case& is : cases()) {
    SCOPED_TRACE(is.file);
    const std::string text = tree_.read(is.file);
    std::string huge;
    for (const char byte : text)
      huge += byte >= '0' && byte <= '9' ? "99999999999" : std::string(1, byte);
    tree_.write(is.file, huge);
    ScraperRun run(tree_.path());
    (void)scrape(is, run);
    tree_.write(is.file, text);
  }
}

}  // namespace
}  // namespace hostlens::scrapers
