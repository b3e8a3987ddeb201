// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/host_scrape.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "agent/remote_process_facts.h"
#include "kernel/local_host_access.h"

namespace hostlens::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{20'000};

bool has(const HostScrape::Families& families, std::string_view name) {
  return std::any_of(families->begin(), families->end(),
                     [&](const model::MetricFamily& family) { return family.name == name; });
}

class HostScrapeTest : public ::testing::Test {
 protected:
  std::array<uint64_t, 4> bits_{};
  kernel::LocalHostAccess host_{kernel::TargetTable(bits_.data(), bits_.size(), -1)};
  RemoteProcessFacts facts_{host_};
};

TEST_F(HostScrapeTest, AReadingIsTheLastOneUntilTheNextIsComplete) {
  HostScrape scrape({});
  EXPECT_EQ(scrape.last(), nullptr);
  ASSERT_TRUE(scrape.begin({}));
  ASSERT_TRUE(scrape.wait(kLong));
  const auto first = scrape.last();
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(has(first, "system.cpu.time"));
  EXPECT_TRUE(has(first, "hostlens.scrape.duration"));
  ASSERT_TRUE(scrape.begin({}));
  ASSERT_TRUE(scrape.wait(kLong));
  EXPECT_NE(scrape.last(), first);
}

TEST_F(HostScrapeTest, TargetsAreToldByServiceWithWhatOnlyTheSupervisorMayRead) {
  scrapers::HostMetricsSettings settings;
  settings.process_facts = &facts_;
  HostScrape scrape(std::move(settings));
  auto service = std::make_shared<model::Service>();
  service->name = "shop";
  ScrapeTargets targets;
  targets.processes.push_back({{static_cast<uint32_t>(::getpid()), 0}, service, "shopd"});
  ASSERT_TRUE(scrape.begin(std::move(targets)));
  ASSERT_TRUE(scrape.wait(kLong));
  const auto families = scrape.last();
  const auto found = std::find_if(families->begin(), families->end(), [](const auto& family) {
    return family.name == "process.disk.io";
  });
  ASSERT_NE(found, families->end());
  EXPECT_EQ(found->points.at(0).service, service);
}

TEST_F(HostScrapeTest, DescriptorsAreCountedForKernelsThatDoNotTellTheirNumber) {
  const auto facts = facts_.read({static_cast<uint32_t>(::getpid()), 0}, true);
  ASSERT_TRUE(facts.open_files);
  EXPECT_GE(*facts.open_files, 3U);
  EXPECT_TRUE(facts.io);
  EXPECT_FALSE(facts_.read({static_cast<uint32_t>(::getpid()), 1}, true).open_files);
}

/// As the channel to a supervisor that is stopped.
class SilentHost final : public kernel::HostAccess {
 public:
  base::Result<base::UniqueFd> open_process_file(model::ProcessKey, kernel::ProcessFile) override {
    ++asked;
    return base::Error{base::Error::Kind::kBusy, 0, "no answer", {}};
  }
  base::Result<void> set_target(model::ProcessKey, bool) override { return {}; }
  base::Result<void> set_target_cgroup(uint64_t, bool) override { return {}; }

  int asked = 0;
};

TEST_F(HostScrapeTest, ASupervisorThatDoesNotAnswerIsNotAskedForEachProcess) {
  SilentHost silent;
  RemoteProcessFacts facts(silent);
  for (uint32_t pid = 1; pid < 100; ++pid) EXPECT_FALSE(facts.read({pid, 0}, false).io);
  EXPECT_EQ(silent.asked, 1);
}

TEST_F(HostScrapeTest, OnlyOneReadingIsUnderWay) {
  std::mutex held;
  std::unique_lock lock(held);
  scrapers::HostMetricsSettings settings;
  settings.read_clock = [&](timex&) {
    const std::lock_guard wait_for_the_test(held);
    return -1;
  };
  HostScrape scrape(std::move(settings));
  EXPECT_TRUE(scrape.begin({}));
  EXPECT_FALSE(scrape.begin({}));
  EXPECT_TRUE(scrape.busy());
  EXPECT_FALSE(scrape.wait(milliseconds(1)));
  lock.unlock();
  EXPECT_TRUE(scrape.wait(kLong));
  EXPECT_TRUE(scrape.begin({}));
}

}  // namespace
}  // namespace hostlens::agent
