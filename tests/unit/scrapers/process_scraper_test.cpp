// SPDX-License-Identifier: Apache-2.0
// Processes that come, go, change hands and hide.
#include "scrapers/process_scraper.h"

#include <gmock/gmock.h>

#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

std::string stat_line(uint32_t pid, const std::string& comm, uint64_t user_ticks,
                      uint64_t start_ticks, char state = 'S') {
  return std::to_string(pid) + " (" + comm + ") " + state + " 1 1 1 0 -1 4194560 10 0 2 0 " +
         std::to_string(user_ticks) + " 0 0 0 20 0 1 0 " + std::to_string(start_ticks) +
         " 4096000 100 18446744073709551615 0\n";
}

std::string status_text(uint64_t voluntary) {
  return "VmSize:\t4000 kB\nVmRSS:\t400 kB\nRssAnon:\t100 kB\nRssFile:\t300 kB\nRssShmem:\t0 kB\n"
         "voluntary_ctxt_switches:\t" +
         std::to_string(voluntary) + "\nnonvoluntary_ctxt_switches:\t1\n";
}

class ProcessScraperTest : public testing::Test {
 protected:
  ProcessScraperTest() { put(1, "init", 5, 1); }

  void put(uint32_t pid, const std::string& comm, uint64_t user_ticks, uint64_t start_ticks,
           char state = 'S') {
    const std::string folder = "proc/" + std::to_string(pid);
    tree_.write(folder + "/stat", stat_line(pid, comm, user_ticks, start_ticks, state));
    tree_.write(folder + "/status", status_text(7));
  }
  void end(uint32_t pid) { tree_.remove("proc/" + std::to_string(pid)); }

  static ProcessLimitsOfScraper limits(size_t programs, size_t groups = 500) {
    ProcessLimitsOfScraper limits;
    limits.programs = programs;
    limits.groups = groups;
    return limits;
  }
  static std::string cpu(const std::string& service, const std::string& program) {
    return service + "process.cpu.time{cpu.mode=user,process.executable.name=" + program + "}";
  }

  TemporaryTree tree_;
  ScraperRun run_{tree_.path()};
};

TEST_F(ProcessScraperTest, CpuTimeOfAServiceNeverFallsWhenItsProcessesEnd) {
  ProcessScraper scraper(limits(5), nullptr);
  const auto web = service_of("web");
  put(10, "a", 300, 100);
  put(11, "a", 200, 101);
  scraper.set_targets({{{10, 100}, web, "a"}, {{11, 101}, web, "a"}});
  EXPECT_EQ(value(run_(scraper), cpu("web/", "a")), 5.0);
  put(10, "a", 350, 100);
  end(11);
  Points points = run_(scraper);
  EXPECT_EQ(value(points, cpu("web/", "a")), 5.5);
  EXPECT_EQ(value(points, "web/hostlens.processes{process.executable.name=a}"), 1.0);
  end(10);
  points = run_(scraper);
  EXPECT_EQ(value(points, cpu("web/", "a")), 5.5);
  EXPECT_EQ(value(points, "web/process.memory.usage{process.executable.name=a}"), 0.0);
  EXPECT_FALSE(points.contains("web/process.uptime{process.executable.name=a}"));
}

TEST_F(ProcessScraperTest, ASeriesWithoutProcessesGoesAfterFiveMinutes) {
  ProcessScraper scraper(limits(5), nullptr);
  put(10, "a", 300, 100);
  scraper.set_targets({{{10, 100}, service_of("web"), "a"}});
  (void)run_(scraper);
  end(10);
  run_.pass(200);
  EXPECT_TRUE(run_(scraper).contains(cpu("web/", "a")));
  run_.pass(200);
  EXPECT_FALSE(run_(scraper).contains(cpu("web/", "a")));
}

TEST_F(ProcessScraperTest, AReusedPidIsAnotherProcess) {
  ProcessScraper scraper(limits(5), nullptr);
  const auto web = service_of("web");
  put(10, "a", 300, 100);
  scraper.set_targets({{{10, 100}, web, "a"}});
  (void)run_(scraper);
  put(10, "a", 40, 900);
  Points points = run_(scraper);
  EXPECT_EQ(value(points, cpu("web/", "a")), 3.0);  // no target any more
  EXPECT_EQ(value(points, cpu("", "a")), 0.4);
  scraper.set_targets({{{10, 900}, web, "a"}});
  put(10, "a", 90, 900);
  points = run_(scraper);
  EXPECT_EQ(value(points, cpu("web/", "a")), 3.5);  // what it used since it is one
  EXPECT_EQ(value(points, cpu("", "a")), 0.4);
}

TEST_F(ProcessScraperTest, NothingIsCountedTwiceOrLostWhenAProcessBecomesATarget) {
  ProcessScraper scraper(limits(5), nullptr);
  put(10, "a", 300, 100);
  double before = 0;
  const auto sum = [&] {
    double all = 0;
    for (const auto& [name, seconds] : run_(scraper)) {
      if (name.find("process.cpu.time{cpu.mode=user") != std::string::npos) all += seconds;
    }
    return all;
  };
  before = sum();
  scraper.set_targets({{{10, 100}, service_of("web"), "a"}});
  EXPECT_DOUBLE_EQ(sum(), before);
  put(10, "a", 310, 100);
  EXPECT_DOUBLE_EQ(sum(), before + 0.1);
  scraper.set_targets({});
  put(10, "a", 320, 100);
  EXPECT_DOUBLE_EQ(sum(), before + 0.2);
}

TEST_F(ProcessScraperTest, TheBusiestProgramsHaveASeriesAndTheRestShareOne) {
  ProcessScraper scraper(limits(2), nullptr);
  for (uint32_t pid = 10; pid < 40; ++pid) put(pid, "p" + std::to_string(pid), pid, 100);
  const Points points = run_(scraper);
  std::vector<std::string> programs;
  for (const auto& [name, count] : points) {
    if (name.starts_with("hostlens.processes")) programs.push_back(name);
  }
  EXPECT_THAT(programs,
              testing::UnorderedElementsAre("hostlens.processes{process.executable.name=p39}",
                                            "hostlens.processes{process.executable.name=p38}",
                                            "hostlens.processes{process.executable.name=other}"));
  EXPECT_EQ(value(points, "hostlens.processes{process.executable.name=other}"), 29.0);
}

TEST_F(ProcessScraperTest, AProgramThatGetsAPlaceLeavesTheRestItsPast) {
  ProcessScraper scraper(limits(1), nullptr);
  put(10, "big", 1000, 100);
  put(11, "small", 10, 100);
  Points points = run_(scraper);
  EXPECT_EQ(value(points, cpu("", "other")), 0.15);  // small and init
  for (int round = 1; round <= 12; ++round) {
    put(11, "small", 10 + 500 * round, 100);
    points = run_(scraper);
  }
  EXPECT_TRUE(points.contains(cpu("", "small")));
  const double small = points.at(cpu("", "small"));
  const double other = points.at(cpu("", "other"));
  EXPECT_DOUBLE_EQ(small + other, 0.15 + 60.0);
  EXPECT_GE(other, 0.15);
  EXPECT_EQ(value(points, cpu("", "big")), 10.0);
}

TEST_F(ProcessScraperTest, ServicesBeyondTheLimitShareTheOverflowSeries) {
  ProcessScraper scraper(limits(1, 4), nullptr);
  std::vector<ProcessTarget> targets;
  for (uint32_t pid = 10; pid < 30; ++pid) {
    put(pid, "a", 100, 100);
    targets.push_back({{pid, 100}, service_of("s" + std::to_string(pid)), "a"});
  }
  scraper.set_targets(targets);
  const Points points = run_(scraper);
  double all = 0;
  size_t series = 0;
  for (const auto& [name, processes] : points) {
    if (name.find("hostlens.processes{") == std::string::npos) continue;
    all += processes;
    ++series;
  }
  EXPECT_EQ(all, 21.0);
  EXPECT_LE(series, 6U);
  EXPECT_TRUE(points.contains("hostlens.processes{otel.metric.overflow=true}"));
}

TEST_F(ProcessScraperTest, SwitchesOfThreadsThatEndedStayCounted) {
  ProcessScraper scraper(limits(5), nullptr);
  tree_.write("proc/10/stat",
              "10 (a) S 1 1 1 0 -1 4194560 10 0 2 0 1 0 0 0 20 0 2 0 100 4096000 100 1 0\n");
  tree_.write("proc/10/status", status_text(7));
  tree_.write("proc/10/task/10/status", status_text(7));
  tree_.write("proc/10/task/12/status", status_text(30));
  scraper.set_targets({{{10, 100}, service_of("web"), "a"}});
  const std::string name =
      "web/process.context_switches{process.context_switch.type=voluntary,"
      "process.executable.name=a}";
  EXPECT_EQ(value(run_(scraper), name), 37.0);
  tree_.write("proc/10/stat", stat_line(10, "a", 1, 100));
  tree_.remove("proc/10/task/12");
  tree_.write("proc/10/status", status_text(8));
  EXPECT_EQ(value(run_(scraper), name), 38.0);
}

TEST_F(ProcessScraperTest, ACounterIsAbsentRatherThanTooSmall) {
  class Facts final : public ProcessFacts {
   public:
    GuardedFacts read(model::ProcessKey key, bool) noexcept override {
      GuardedFacts facts;
      if (key.pid == 10) facts.io = ProcessIo{100, 200};
      if (key.pid == 10) facts.open_files = 3;
      return facts;
    }
  } facts;
  ProcessScraper scraper(limits(5), &facts);
  const auto web = service_of("web");
  put(10, "a", 1, 100);
  put(11, "a", 1, 100);
  scraper.set_targets({{{10, 100}, web, "a"}, {{11, 100}, web, "b"}});
  Points points = run_(scraper);
  EXPECT_EQ(value(points, "web/process.disk.io{disk.io.direction=read,process.executable.name=a}"),
            100.0);
  EXPECT_FALSE(
      points.contains("web/process.disk.io{disk.io.direction=read,process.executable.name=b}"));
  scraper.set_targets({{{10, 100}, web, "a"}, {{11, 100}, web, "a"}});
  points = run_(scraper);
  EXPECT_FALSE(
      points.contains("web/process.disk.io{disk.io.direction=read,process.executable.name=a}"));
  EXPECT_FALSE(
      points.contains("web/process.unix.file_descriptor.count{process.executable.name=a}"));
}

TEST_F(ProcessScraperTest, HiddenProcessesAreCountedAndNotTakenForNone) {
  ProcessScraper scraper(limits(5), nullptr);
  EXPECT_TRUE(run_(scraper).contains("system.process.count{process.state=sleeping}"));
  end(1);
  put(10, "mine", 1, 100);
  const Points points = run_(scraper);
  EXPECT_FALSE(points.contains("system.process.count{process.state=sleeping}"));
  EXPECT_TRUE(points.contains(cpu("", "mine")));
  EXPECT_EQ(run_.errors(Reason::kHidden), 1U);
}

TEST_F(ProcessScraperTest, AZombieHasNeitherMemoryNorDescriptorsButIsSeen) {
  ProcessScraper scraper(limits(5), nullptr);
  put(10, "a", 1, 100, 'Z');
  tree_.write("proc/10/status", "Name:\ta\nState:\tZ (zombie)\n");
  scraper.set_targets({{{10, 100}, service_of("web"), "a"}});
  const Points points = run_(scraper);
  EXPECT_EQ(value(points, "web/process.memory.usage{process.executable.name=a}"), 0.0);
  EXPECT_EQ(value(points, "system.process.count{process.state=defunct}"), 1.0);
  ASSERT_EQ(scraper.uses().size(), 1U);
  EXPECT_EQ(scraper.uses()[0].state, 'Z');
}

TEST_F(ProcessScraperTest, AProcessThatEndsWhileItIsReadLeavesNoGap) {
  ProcessScraper scraper(limits(5), nullptr);
  const auto web = service_of("web");
  put(10, "a", 100, 100);
  put(11, "a", 100, 100);
  scraper.set_targets({{{10, 100}, web, "a"}, {{11, 100}, web, "a"}});
  tree_.remove("proc/11/status");
  const Points points = run_(scraper);
  EXPECT_EQ(value(points, cpu("web/", "a")), 2.0);
  EXPECT_EQ(value(points, "web/process.memory.usage{process.executable.name=a}"), 400.0 * 1024);
  EXPECT_EQ(value(points, "web/hostlens.processes{process.executable.name=a}"), 1.0);
  EXPECT_EQ(run_.errors(Reason::kVanished), 1U);
}

TEST_F(ProcessScraperTest, AProgramThatIsCalledOtherIsAmongTheOthers) {
  ProcessScraper scraper(limits(1), nullptr);
  put(10, "other", 9000, 100);
  EXPECT_EQ(value(run_(scraper), "hostlens.processes{process.executable.name=other}"), 2.0);
}

TEST_F(ProcessScraperTest, ProgramNamesAreOfTextWhateverTheProcessChose) {
  ProcessScraper scraper(limits(5), nullptr);
  put(10, "a) R \x01\xff(", 1, 100);
  const std::string name = "hostlens.processes{process.executable.name=a) R ?" + std::string("?(}");
  const Points points = run_(scraper);
  EXPECT_EQ(value(points, name), 1.0) << testing::PrintToString(points);
}

TEST_F(ProcessScraperTest, TooManyEntriesAreCountedAndTheRestIsTold) {
  ProcessLimitsOfScraper few = limits(5);
  few.entries = 10;
  ProcessScraper scraper(few, nullptr);
  for (uint32_t pid = 10; pid < 60; ++pid) put(pid, "a", 1, 100);
  const Points points = run_(scraper);
  EXPECT_EQ(run_.errors(Reason::kTooMany), 1U);
  EXPECT_FALSE(points.contains("system.process.count{process.state=sleeping}"));
}

}  // namespace
}  // namespace hostlens::scrapers
