// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/scrape_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "unit/discovery/fake_host.h"

namespace hostlens::agent {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class ScrapeTargetsTest : public ::testing::Test {
 protected:
  void put(uint32_t pid, const std::string& program, const std::string& cgroup,
           const std::string& environment = {}) {
    discovery::FakeProcess process;
    process.pid = pid;
    process.executable = "/usr/bin/" + program;
    process.arguments = {program};
    process.cgroup = "0::" + cgroup + "\n";
    process.environment = environment;
    host_.put(process);
  }
  std::map<uint32_t, std::string> services(const discovery::TargetSelector* targets = nullptr) {
    std::map<uint32_t, std::string> found;
    for (const auto& process : scrape_targets(*table_, targets).processes) {
      found[process.key.pid] = process.service->name + "/" + process.executable;
    }
    return found;
  }
  std::multimap<std::string, std::string> cgroups() {
    std::multimap<std::string, std::string> found;
    for (const auto& cgroup : scrape_targets(*table_, nullptr).cgroups) {
      found.emplace(cgroup.service->name, cgroup.membership);
    }
    return found;
  }

  discovery::FakeHost host_;
  std::unique_ptr<discovery::ProcessTable> table_ =
      *discovery::ProcessTable::create({}, host_, host_.proc());
};

TEST_F(ScrapeTargetsTest, AreTheLivingProcessesThatAreDescribed) {
  put(7, "shop", "/");
  put(8, "stock", "/");
  table_->resolve(7);
  table_->resolve(8);
  table_->on_exec({.process = {9, 1}, .comm = "unread"});
  table_->on_exit({.time_ns = 1, .process = {8, 100}});
  EXPECT_THAT(services(), UnorderedElementsAre(Pair(7, "shop/shop")));
}

TEST_F(ScrapeTargetsTest, IncludeChildrenThatOnlyForked) {
  put(7, "shop", "/system.slice/shop.service");
  table_->resolve(7);
  model::ProcessFork fork{};
  fork.process = {70, 300};
  fork.parent_pid = 7;
  fork.is_target = true;
  table_->on_fork(fork);
  const int opens = host_.opens;
  const ScrapeTargets found = scrape_targets(*table_, nullptr);
  EXPECT_EQ(host_.opens, opens) << "nothing is read for it";
  ASSERT_EQ(found.processes.size(), 2U);
  std::set<model::ProcessKey> keys;
  for (const auto& process : found.processes) keys.insert(process.key);
  EXPECT_EQ(keys, (std::set<model::ProcessKey>{{7, 100}, {70, 300}}));
  EXPECT_EQ(found.cgroups.size(), 1U);
}

TEST_F(ScrapeTargetsTest, LeaveOutWhatTheRulesDoNotSelect) {
  put(7, "shop", "/");
  put(8, "stock", "/");
  discovery::TargetSelectorSettings rules;
  rules.include = {{{discovery::ProcessRuleKey::kExecutable, "shop"}}};
  const auto targets =
      *discovery::TargetSelector::create(rules, host_, host_.proc(), host_.cgroups());
  targets->scan();
  table_->resolve(7);
  table_->resolve(8);
  EXPECT_THAT(services(targets.get()), UnorderedElementsAre(Pair(7, "shop/shop")));
}

TEST_F(ScrapeTargetsTest, TargetsOfTheKernelAreReadWithoutAnyRequest) {
  put(7, "shop", "/");
  put(8, "stock", "/");
  for (const uint32_t pid : {7U, 8U}) {
    model::ProcessFork fork{};
    fork.process = {pid, 100};
    fork.parent_pid = 1;
    fork.is_target = true;
    table_->on_fork(fork);
  }
  table_->describe_targets(1);
  EXPECT_EQ(services().size(), 1U);
  table_->describe_targets(10);
  EXPECT_EQ(services().size(), 2U);
}

TEST_F(ScrapeTargetsTest, AServiceHasEachOfItsCgroupsOnce) {
  put(7, "shop", "/system.slice/shop.service/one");
  put(8, "shop", "/system.slice/shop.service/one");
  put(9, "shop", "/system.slice/shop.service/two");
  for (const uint32_t pid : {7U, 8U, 9U}) table_->resolve(pid);
  EXPECT_THAT(cgroups(), UnorderedElementsAre(Pair("shop", "0::/system.slice/shop.service/one\n"),
                                              Pair("shop", "0::/system.slice/shop.service/two\n")));
}

TEST_F(ScrapeTargetsTest, ACgroupOfSeveralServicesIsNones) {
  put(7, "shop", "/system.slice/all.service", "OTEL_SERVICE_NAME=shop");
  put(8, "stock", "/system.slice/all.service", "OTEL_SERVICE_NAME=stock");
  table_->resolve(7);
  table_->resolve(8);
  EXPECT_TRUE(cgroups().empty());
  EXPECT_EQ(services().size(), 2U);
}

TEST_F(ScrapeTargetsTest, ASessionIsNoServicesCgroup) {
  put(7, "shop", "/user.slice/user-0.slice/session-1.scope");
  table_->resolve(7);
  EXPECT_TRUE(cgroups().empty());
  EXPECT_EQ(services().size(), 1U);
}

TEST_F(ScrapeTargetsTest, ACgroupBelowAnotherOfItsServiceIsCountedThereAlready) {
  put(7, "shop", "/system.slice/shop.service/a");
  put(8, "shop", "/system.slice/shop.service/a/below");
  put(9, "shop", "/system.slice/shop.service/a-2");
  for (const uint32_t pid : {7U, 8U, 9U}) table_->resolve(pid);
  EXPECT_THAT(cgroups(), UnorderedElementsAre(Pair("shop", "0::/system.slice/shop.service/a\n"),
                                              Pair("shop", "0::/system.slice/shop.service/a-2\n")));
}

}  // namespace
}  // namespace hostlens::agent
