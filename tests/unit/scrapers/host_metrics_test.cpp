// SPDX-License-Identifier: Apache-2.0
// A whole host from fixtures against the list of points that it must give, and what holds when
// files are cut, garbage or missing.
#include "scrapers/host_metrics.h"

#include <gmock/gmock.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <set>
#include <vector>

#include "base/clock.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

class FixedFacts final : public ProcessFacts {
 public:
  explicit FixedFacts(const std::string& proc) : local_(proc) {}
  GuardedFacts read(model::ProcessKey key, bool /*count_files*/) noexcept override {
    GuardedFacts facts = local_.read(key, false);
    if (key.pid != 702) facts.open_files = key.pid - 600;
    return facts;
  }

 private:
  LocalProcessFacts local_;
};

/// Space as a table: by mount point, everything else is refused.
MountReading read_table(const Mount& mount) {
  MountReading reading;
  reading.outcome = MountReading::Outcome::kRead;
  if (mount.point == "/") {
    reading = {MountReading::Outcome::kRead, 1000, 400, 350, 100, 60};
  } else if (mount.point == "/data") {
    reading = {MountReading::Outcome::kRead, 2000, 2000, 2000, 0, 0};
  } else if (mount.point == "/run") {
    reading = {MountReading::Outcome::kRead, 500, 500, 500, 10, 9};
  } else if (mount.point == "/mnt/my disk") {
    reading.outcome = MountReading::Outcome::kHidden;
  } else {
    reading.outcome = MountReading::Outcome::kRefused;
  }
  return reading;
}

int read_clock(timex& clock) {
  clock.offset = -250'000;
  clock.status = STA_PLL | STA_NANO;
  clock.maxerror = 1500;
  clock.esterror = 12;
  return TIME_OK;
}

class HostMetricsTest : public testing::Test {
 protected:
  explicit HostMetricsTest(const std::string& tree = fixture("server")) : facts_(tree + "/proc") {
    HostMetricsSettings settings;
    settings.roots = {tree + "/proc", tree + "/sys", tree};
    settings.process_facts = &facts_;
    settings.read_clock = read_clock;
    settings.read_mount = read_table;
    host_ = std::make_unique<HostMetrics>(std::move(settings));
    const auto web = service_of("web");
    host_->set_processes({{{700, 90'000}, web, "server"},
                          {{701, 90'100}, web, "server"},
                          {{702, 0}, web, "server"}});
    host_->set_cgroups({{"0::/system.slice/web.service\n", web},
                        {"/system.slice/web.service", web},
                        {"0::/\n", web}});
  }

  Points scrape() {
    model::MetricSnapshot snapshot;
    snapshot.unix_ns = base::unix_now_ns();
    host_->scrape(snapshot);
    return points_of(snapshot);
  }

  FixedFacts facts_;
  std::unique_ptr<HostMetrics> host_;
};

/// The shortest text that reads back as the same number.
std::string shortest(double number) {
  std::array<char, 64> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), result.ptr};
}

/// Depends on when the test runs.
bool is_of_the_moment(const std::string& name) {
  return name.starts_with("hostlens.scrape.duration") || name.find("process.uptime") == 0 ||
         name.find("/process.uptime") != std::string::npos;
}

TEST_F(HostMetricsTest, GivesExactlyThePointsOfTheGoldenList) {
  std::ostringstream text;
  for (const auto& [name, number] : scrape()) {
    if (is_of_the_moment(name)) continue;
    text << name << " " << shortest(number) << "\n";
  }
  const std::string file = fixture("server.golden");
  if (std::getenv("HOSTLENS_WRITE_GOLDEN") != nullptr) std::ofstream(file) << text.str();
  std::ostringstream golden;
  golden << std::ifstream(file).rdbuf();
  EXPECT_EQ(text.str(), golden.str());
}

TEST_F(HostMetricsTest, TellsHealthSignalsOfEachTarget) {
  (void)scrape();
  ASSERT_EQ(host_->processes().size(), 3U);
  std::map<uint32_t, ProcessUse> by_pid;
  for (const ProcessUse& use : host_->processes()) by_pid[use.key.pid] = use;
  EXPECT_EQ(by_pid[700].threads, 4U);
  EXPECT_EQ(by_pid[700].open_files, 100U);
  EXPECT_EQ(by_pid[700].open_files_limit, 1024U);
  EXPECT_EQ(by_pid[700].user_threads_limit, 31'000U);
  EXPECT_EQ(by_pid[700].resident_bytes, 80'000U * 1024);
  EXPECT_EQ(by_pid[702].state, 'Z');
  EXPECT_FALSE(by_pid[702].open_files_limit);
  ASSERT_EQ(host_->cgroups().size(), 1U);  // the same one twice, and the root
  EXPECT_EQ(host_->cgroups()[0].limits.memory_bytes, 268'435'456U);
  EXPECT_EQ(host_->cgroups()[0].limits.cpus, 1.5);
}

TEST_F(HostMetricsTest, MemoryStatesAddUpToTheTotal) {
  const Points points = scrape();
  double sum = 0;
  for (const auto& [name, bytes] : points) {
    if (name.starts_with("system.memory.usage{")) sum += bytes;
  }
  EXPECT_EQ(sum, 8'048'000.0 * 1024);
  EXPECT_EQ(value(points, "system.memory.limit{}"), sum);
}

TEST_F(HostMetricsTest, StartsOfSeriesDoNotMove) {
  const auto starts = [&] {
    model::MetricSnapshot snapshot;
    snapshot.unix_ns = base::unix_now_ns();
    host_->scrape(snapshot);
    std::map<std::string, uint64_t> by_name;
    for (const auto& family : snapshot.families) {
      for (const auto& point : family.points) by_name[name_of(family, point)] = point.start_unix_ns;
    }
    return by_name;
  };
  const auto first = starts();
  for (const auto& [name, start] : starts()) {
    if (first.contains(name)) {
      EXPECT_EQ(start, first.at(name)) << name;
    }
  }
}

TEST(HostMetricsRobustnessTest, AHostWithoutAnyFileGivesErrorsAndNothingElse) {
  const TemporaryTree empty;
  HostMetricsSettings settings;
  settings.roots = {empty.path() + "/proc", empty.path() + "/sys", empty.path()};
  settings.read_clock = [](timex&) { return -1; };
  HostMetrics host(std::move(settings));
  model::MetricSnapshot snapshot;
  snapshot.unix_ns = base::unix_now_ns();
  host.scrape(snapshot);
  std::set<std::string> with_errors;
  for (const auto& [name, number] : points_of(snapshot)) {
    EXPECT_TRUE(name.starts_with("hostlens.scrape.")) << name;
    if (name.starts_with("hostlens.scrape.errors")) {
      with_errors.insert(name.substr(name.find("scraper=") + 8));
    }
  }
  EXPECT_THAT(with_errors, testing::UnorderedElementsAre(
                               "cpu}", "load}", "memory}", "paging}", "disk}", "filesystem}",
                               "interface}", "network_counters}", "socket}", "clock}", "process}"));
}

}  // namespace
}  // namespace hostlens::scrapers
