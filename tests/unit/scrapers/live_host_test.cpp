// SPDX-License-Identifier: Apache-2.0
// This host against the kernel's own files, read by other code just before and just after: what
// only grows must lie between both readings.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "scrapers/host_metrics.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

Points scrape(HostMetrics& host) {
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = base::unix_now_ns();
  host.scrape(snapshot);
  return points_of(snapshot);
}

/// Words of the first line that begins with `key`.
std::vector<std::string> words_of(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::vector<std::string> list;
    for (std::string word; words >> word;) list.push_back(word);
    if (!list.empty() && list[0] == key) return list;
  }
  return {};
}

double word(const std::string& path, const std::string& key, size_t index) {
  const auto words = words_of(path, key);
  return index < words.size() ? std::stod(words[index]) : -1;
}

/// Column of a disk or interface in a table whose lines it is named in.
double column(const std::string& path, const std::string& name, size_t behind) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::vector<std::string> list;
    for (std::string one; words >> one;) list.push_back(one);
    for (size_t i = 0; i + behind < list.size(); ++i) {
      if (list[i] == name) return std::stod(list[i + behind]);
    }
  }
  return -1;
}

double first_number_of_uptime() {
  double seconds = -1;
  std::ifstream("/proc/uptime") >> seconds;
  return seconds;
}

struct Growing {
  std::string point;
  std::function<double()> kernel;
  double tolerance = 0;
};

class LiveHostTest : public testing::Test {
 protected:
  LiveHostTest() {
    HostMetricsSettings settings;
    settings.process_facts = &facts_;
    host_ = std::make_unique<HostMetrics>(std::move(settings));
    host_->set_processes({{{static_cast<uint32_t>(::getpid()), 0}, service_of("test"), "me"}});
  }

  void expect_between(const std::vector<Growing>& list) {
    std::vector<double> before;
    for (const Growing& is : list) before.push_back(is.kernel());
    const Points points = scrape(*host_);
    for (size_t i = 0; i < list.size(); ++i) {
      const double after = list[i].kernel();
      const auto ours = value(points, list[i].point);
      ASSERT_TRUE(ours) << list[i].point;
      ASSERT_GE(before[i], 0) << list[i].point;
      EXPECT_GE(*ours, before[i] - list[i].tolerance) << list[i].point;
      EXPECT_LE(*ours, after + list[i].tolerance) << list[i].point;
    }
  }

  LocalProcessFacts facts_{"/proc"};
  std::unique_ptr<HostMetrics> host_;
};

TEST_F(LiveHostTest, CountersLieBetweenTwoReadingsOfTheKernelsFiles) {
  const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::vector<Growing> list = {
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=user}",
       [=] { return word("/proc/stat", "cpu0", 1) * tick; }, tick / 2},
      {"system.cpu.time{cpu.logical_number=0,cpu.mode=system}",
       [=] { return word("/proc/stat", "cpu0", 3) * tick; }, tick / 2},
      {"system.process.created{}", [] { return word("/proc/stat", "processes", 1); }},
      {"hostlens.cpu.context_switches{}", [] { return word("/proc/stat", "ctxt", 1); }},
      {"system.paging.faults{system.paging.fault.type=major}",
       [] { return word("/proc/vmstat", "pgmajfault", 1); }},
      {"system.network.io{network.interface.name=lo,network.io.direction=receive}",
       [] { return column("/proc/net/dev", "lo:", 1); }},
      {"system.network.packet.count{network.interface.name=lo,network.io.direction=transmit}",
       [] { return column("/proc/net/dev", "lo:", 10); }},
      {"test/process.cpu.time{cpu.mode=user,process.executable.name=me}",
       [=] { return word("/proc/self/stat", std::to_string(::getpid()), 13) * tick; }, tick / 2},
      {"test/process.paging.faults{process.executable.name=me,system.paging.fault.type=minor}",
       [] { return word("/proc/self/stat", std::to_string(::getpid()), 9); }},
      {"system.uptime{}", first_number_of_uptime}};
  expect_between(list);
}

TEST_F(LiveHostTest, DiskCountersLieBetweenTwoReadings) {
  std::string disk;
  for (const auto& [name, operations] : scrape(*host_)) {
    if (name.starts_with("system.disk.operations{disk.io.direction=write")) {
      disk = name.substr(name.rfind('=') + 1);
      disk.pop_back();
    }
  }
  if (disk.empty()) GTEST_SKIP() << "no disk on this host";
  const auto point = [&](const std::string& family, const std::string& direction) {
    return family + "{disk.io.direction=" + direction + ",system.device=" + disk + "}";
  };
  expect_between(
      {{point("system.disk.operations", "read"),
        [&] { return column("/proc/diskstats", disk, 1); }},
       {point("system.disk.operations", "write"),
        [&] { return column("/proc/diskstats", disk, 5); }},
       {point("system.disk.io", "write"), [&] { return column("/proc/diskstats", disk, 7) * 512; }},
       {"system.disk.io_time{system.device=" + disk + "}",
        [&] { return column("/proc/diskstats", disk, 10) / 1000; }, 1e-9}});
}

TEST_F(LiveHostTest, MemoryStatesAddUpToMemTotalExactly) {
  double sum = 0;
  for (const auto& [name, bytes] : scrape(*host_)) {
    if (name.starts_with("system.memory.usage{")) sum += bytes;
  }
  EXPECT_EQ(sum, word("/proc/meminfo", "MemTotal:", 1) * 1024);
}

TEST_F(LiveHostTest, FileSystemStatesAddUpToTheSizeThatStatvfsTells) {
  const Points points = scrape(*host_);
  size_t seen = 0;
  for (const auto& [name, limit] : points) {
    const std::string family = "system.filesystem.limit{";
    if (!name.starts_with(family)) continue;
    const std::string labels = name.substr(family.size(), name.size() - family.size() - 1);
    const size_t at = labels.find("mountpoint=") + 11;
    const std::string point = labels.substr(at, labels.find(",system.filesystem.type") - at);
    struct statvfs space {};
    ASSERT_EQ(::statvfs(point.c_str(), &space), 0) << point;
    EXPECT_EQ(limit, static_cast<double>(space.f_blocks * space.f_frsize)) << point;
    double sum = 0;
    for (const auto& [other, bytes] : points) {
      if (other.starts_with("system.filesystem.usage{") &&
          other.find("mountpoint=" + point + ",") != std::string::npos) {
        sum += bytes;
      }
    }
    EXPECT_EQ(sum, limit) << point;
    ++seen;
  }
  EXPECT_GE(seen, 1U);
}

TEST_F(LiveHostTest, DescriptorsAndLimitsOfThisProcessAreItsOwn) {
  (void)scrape(*host_);
  ASSERT_EQ(host_->processes().size(), 1U);
  EXPECT_EQ(host_->processes()[0].open_files_limit, static_cast<uint64_t>(::sysconf(_SC_OPEN_MAX)));
  // This process opens one for each that begins on the host, and its prober of mounts some more: a
  // scrape between two looks that agree has seen what they saw.
  const auto looked = [] {
    uint64_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      (void)entry;
      ++count;
    }
    return count - 1;  // that of the look itself
  };
  const auto seen_as_it_is = [&] {
    for (int i = 0; i < 200; ++i) {
      const uint64_t before = looked();
      (void)scrape(*host_);
      if (looked() == before && host_->processes()[0].open_files == before) return before;
    }
    return uint64_t{0};
  };
  const uint64_t before = seen_as_it_is();
  EXPECT_GT(before, 0U);
  std::vector<base::UniqueFd> more;
  for (int i = 0; i < 100; ++i) more.emplace_back(::dup(0));
  EXPECT_GT(seen_as_it_is(), before + 50);
}

TEST_F(LiveHostTest, ProcessesByStateAreAsManyAsProcLists) {
  const auto listed = [] {
    double count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      count += name.find_first_not_of("0123456789") == std::string::npos ? 1 : 0;
    }
    return count;
  };
  // Others start and end meanwhile: a few tries until none did.
  for (int attempt = 0; attempt < 50; ++attempt) {
    const double before = listed();
    double ours = 0;
    for (const auto& [name, count] : scrape(*host_)) {
      if (name.starts_with("system.process.count{")) ours += count;
    }
    if (before == ours && listed() == ours) return;
  }
  FAIL() << "never the same number";
}

TEST_F(LiveHostTest, TheClockIsAsAdjtimexTells) {
  timex before{};
  if (::adjtimex(&before) < 0) GTEST_SKIP() << "adjtimex is refused here";
  const Points points = scrape(*host_);
  timex after{};
  ASSERT_GE(::adjtimex(&after), 0);
  const double maximum = points.at("hostlens.clock.error.max{}");
  EXPECT_GE(maximum, static_cast<double>(std::min(before.maxerror, after.maxerror)) * 1e-6 - 1e-9);
  EXPECT_LE(maximum, static_cast<double>(std::max(before.maxerror, after.maxerror)) * 1e-6 + 1e-9);
  EXPECT_EQ(points.at("hostlens.clock.synchronized{}"), (after.status & STA_UNSYNC) == 0 ? 1 : 0);
}

TEST_F(LiveHostTest, NothingOfThisHostIsGarbage) {
  for (const auto& [name, count] : scrape(*host_)) {
    EXPECT_FALSE(name.starts_with("hostlens.scrape.errors{reason=garbage")) << name;
  }
}

}  // namespace
}  // namespace hostlens::scrapers
