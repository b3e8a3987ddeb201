// SPDX-License-Identifier: Apache-2.0
// Thousands of processes and cgroups that come and go: what is kept and what is read stays bounded.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "discovery/cgroup_names.h"
#include "discovery/process_table.h"
#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class ProcessChurnTest : public ::testing::Test {
 protected:
  std::unique_ptr<ProcessTable> make(size_t max_processes = 10'000) {
    ProcessTableSettings settings;
    settings.max_processes = max_processes;
    return *ProcessTable::create(std::move(settings), host_, host_.proc());
  }
  /// 10,000 programs of 100 ms, a thousand a second: gone from /proc before anybody could look.
  void churn(ProcessTable& table, bool targets) {
    for (uint32_t i = 0; i < 10'000; ++i) {
      const uint32_t pid = 1000 + i;
      table.on_fork({.time_ns = now_ns_, .process = {pid, i + 1}, .parent_pid = 1});
      table.on_exec({.time_ns = now_ns_,
                     .process = {pid, i + 1},
                     .parent_pid = 1,
                     .is_target = targets,
                     .comm = "short"});
      table.on_exit({.time_ns = now_ns_ + kSecond / 10, .process = {pid, i + 1}});
      most_ = std::max(most_, table.size());
      now_ns_ += kSecond / 1000;
      if (i % 100 == 0) table.tick(now_ns_);
    }
  }

  FakeHost host_;
  uint64_t now_ns_ = base::monotonic_now_ns();
  size_t most_ = 0;
};

TEST_F(ProcessChurnTest, WhoIsNoTargetIsNeverRead) {
  const auto table = make();
  churn(*table, false);
  EXPECT_EQ(host_.opens, 0);
  EXPECT_LE(most_, 10'000U);
  table->tick(now_ns_ + 11 * kSecond);
  EXPECT_EQ(table->size(), 0U);
}

TEST_F(ProcessChurnTest, TargetsAreReadWithinABudget) {
  const auto table = make();
  churn(*table, true);
  // 200 eager looks a tick were allowed, but each found nobody: one refused opening each.
  EXPECT_LE(host_.opens, 10'000);
  EXPECT_EQ(table->service_count(), 1U);
  table->tick(now_ns_ + 11 * kSecond);
  EXPECT_EQ(table->size(), 0U);
}

TEST_F(ProcessChurnTest, ATableThatIsFullOfTheLivingStaysSo) {
  const auto table = make(1000);
  const uint64_t start_ns = base::monotonic_now_ns();
  for (uint32_t i = 0; i < 50'000; ++i) {
    table->on_exec({.process = {1000 + i, i + 1}, .parent_pid = 1, .comm = "x"});
    EXPECT_LE(table->size(), 1000U);
  }
  EXPECT_GE(table->size(), 900U);
  EXPECT_LT(base::monotonic_now_ns() - start_ns, 30 * kSecond);
}

TEST(CgroupChurnTest, TwoThousandCgroupsOfTheKernelAreNamedByFewWalks) {
  const std::string mount = [] {
    for (const char* const path : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (::access((std::string(path) + "/cgroup.controllers").c_str(), F_OK) == 0) return path;
    }
    return "";
  }();
  if (mount.empty()) GTEST_SKIP() << "no cgroup2 on this host";
  const std::string folder = mount + "/hostlens_churn_test." + std::to_string(::getpid());
  if (::mkdir(folder.c_str(), 0755) != 0) GTEST_SKIP() << "may not make cgroups: not root";
  FakeHost host;
  const auto table = *ProcessTable::create({}, host, host.proc());
  CgroupNames names({.root = {}, .max_names = 500}, *table);
  uint64_t now_ns = kSecond;
  size_t named = 0;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> made;
    std::vector<uint64_t> ids;
    for (int i = 0; i < 200; ++i) {
      made.push_back(folder + "/r" + std::to_string(round) + "-" + std::to_string(i) + "x.service");
      struct stat status {};
      if (::mkdir(made.back().c_str(), 0755) != 0 || ::stat(made.back().c_str(), &status) != 0) {
        ADD_FAILURE() << "mkdir " << made.back();
        break;
      }
      ids.push_back(status.st_ino);
      (void)names.service_of(ids.back());
    }
    names.refresh(now_ns += 10 * kSecond);
    for (const uint64_t id : ids) named += names.service_of(id) != nullptr ? 1 : 0;
    EXPECT_LE(names.size(), 500U);
    for (const std::string& path : made) ::rmdir(path.c_str());
  }
  ::rmdir(folder.c_str());
  EXPECT_EQ(named, 2000U);
  EXPECT_EQ(names.walks_total(), 10U);
}

}  // namespace
}  // namespace hostlens::discovery
