// SPDX-License-Identifier: Apache-2.0
#include "discovery/target_selector.h"

#include <gtest/gtest.h>

#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

using Pids = std::set<uint32_t>;
using Key = ProcessRuleKey;

class TargetSelectorTest : public ::testing::Test {
 protected:
  std::unique_ptr<TargetSelector> make(std::vector<ProcessRule> include,
                                       std::vector<ProcessRule> exclude = {}) {
    auto selector = TargetSelector::create({std::move(include), std::move(exclude), {50}}, host_,
                                           host_.proc(), host_.cgroups());
    EXPECT_TRUE(selector);
    return std::move(*selector);
  }
  void put(uint32_t pid, uint32_t parent, std::string executable,
           std::vector<std::string> arguments, std::string cgroup = "0::/\n",
           std::vector<uint64_t> sockets = {}) {
    host_.put({.pid = pid,
               .parent_pid = parent,
               .start_ticks = pid,
               .executable = std::move(executable),
               .arguments = std::move(arguments),
               .environment = {},
               .cgroup = std::move(cgroup),
               .sockets = std::move(sockets)});
  }
  static model::ProcessExec exec_of(uint32_t pid, bool is_target = false) {
    return {.process = {pid, pid}, .is_target = is_target, .comm = {}};
  }

  FakeHost host_;
};

TEST_F(TargetSelectorTest, PatternsOfARuleAreAndRulesAreOr) {
  put(10, 1, "/usr/bin/python3.11", {"python3", "api.py"});
  put(11, 1, "/usr/bin/python3.11", {"python3", "other.py"});
  put(12, 1, "/usr/sbin/nginx", {"nginx"});
  put(13, 1, "/opt/nginx", {"nginx"});
  const auto selector = make({{{Key::kExecutable, "python3*"}, {Key::kCommandLine, "*api*"}},
                              {{Key::kExecutable, "*/usr/sbin/nginx"}}});
  const TargetScan report = selector->scan();
  EXPECT_EQ(host_.targets, (Pids{10, 12}));
  EXPECT_EQ(report.targets, 2U);
  EXPECT_TRUE(report.unmatched.empty());
}

TEST_F(TargetSelectorTest, EveryKindOfPatternSelects) {
  const std::string id(64, 'c');
  host_.listen(8080, 777);
  put(10, 1, "/bin/a", {"a"}, "0::/system.slice/shop.service\n");
  put(11, 1, "/bin/a", {"a"}, "0::/docker/" + id + "\n");
  put(12, 1, "/bin/a", {"a"}, "0::/kube/burst/x\n");
  put(13, 1, "/bin/a", {"a"}, "0::/\n", {5, 777});
  put(14, 1, "/bin/a", {"a"}, "0::/\n", {5});
  const auto selected = [&](Key key, const char* pattern) {
    host_.targets.clear();
    (void)make({{{key, pattern}}})->scan();
    return host_.targets;
  };
  EXPECT_EQ(selected(Key::kPid, "14"), (Pids{14}));
  EXPECT_EQ(selected(Key::kUnit, "shop"), (Pids{10}));
  EXPECT_EQ(selected(Key::kUnit, "shop.service"), (Pids{10}));
  EXPECT_EQ(selected(Key::kContainer, "cccccccccccc"), (Pids{11}));
  EXPECT_EQ(selected(Key::kCgroup, "/kube"), (Pids{12}));
  EXPECT_EQ(selected(Key::kPort, "8080"), (Pids{13}));
  EXPECT_EQ(selected(Key::kPort, "8000-8100"), (Pids{13}));
  EXPECT_EQ(selected(Key::kPort, "80"), (Pids{}));
}

TEST_F(TargetSelectorTest, DescendantsAreTargetsAndExclusionEndsTheLine) {
  put(10, 1, "/bin/top", {"top"});
  put(11, 10, "/bin/mid", {"mid"});
  put(12, 11, "/bin/leaf", {"leaf"});
  put(20, 1, "/bin/other", {"other"});
  (void)make({{{Key::kExecutable, "top"}}})->scan();
  EXPECT_EQ(host_.targets, (Pids{10, 11, 12}));
  (void)make({{{Key::kExecutable, "top"}}}, {{{Key::kExecutable, "mid"}}})->scan();
  EXPECT_EQ(host_.targets, (Pids{10}));
}

TEST_F(TargetSelectorTest, TheAgentItselfAndKernelThreadsAreNeverTargets) {
  put(50, 1, "/usr/bin/hostlens", {"hostlens"});
  put(2, 0, "", {});
  put(60, 2, "", {});
  const auto selector = make({{{Key::kCgroup, "*"}}});
  EXPECT_EQ(selector->scan().targets, 0U);
  selector->on_exec(exec_of(50));
  EXPECT_EQ(host_.targets, Pids{});
}

TEST_F(TargetSelectorTest, RulesThatFitNothingAreReported) {
  put(10, 1, "/bin/a", {"a"});
  const auto selector = make({{{Key::kExecutable, "a"}}, {{Key::kUnit, "nothing"}}});
  EXPECT_EQ(selector->scan().unmatched, (std::vector<size_t>{1}));
}

TEST_F(TargetSelectorTest, ExecIsJudgedAtOnce) {
  const auto selector = make({{{Key::kExecutable, "a"}}}, {{{Key::kExecutable, "b"}}});
  (void)selector->scan();
  put(10, 1, "/bin/a", {"a"});
  selector->on_exec(exec_of(10));
  EXPECT_EQ(host_.targets, (Pids{10}));
  put(11, 10, "/bin/c", {"c"});
  selector->on_exec(exec_of(11, true));  // inherited: stays
  EXPECT_TRUE(selector->is_target(11));
  host_.targets.insert(12);
  put(12, 10, "/bin/b", {"b"});
  selector->on_exec(exec_of(12, true));  // inherited, but excluded
  EXPECT_EQ(host_.targets, (Pids{10}));
  selector->on_exit({.process = {10, 10}});
  EXPECT_FALSE(selector->is_target(10));
}

TEST_F(TargetSelectorTest, ReloadAddsAndRemoves) {
  put(10, 1, "/bin/a", {"a"});
  put(11, 1, "/bin/b", {"b"});
  const auto selector = make({{{Key::kExecutable, "a"}}});
  (void)selector->scan();
  ASSERT_EQ(host_.targets, (Pids{10}));
  ASSERT_TRUE(selector->reload({{{{Key::kExecutable, "b"}}}, {}, {}}));
  EXPECT_EQ(host_.targets, (Pids{11}));
  EXPECT_FALSE(selector->reload({{{{Key::kPort, "x"}}}, {}, {}}));
  EXPECT_EQ(host_.targets, (Pids{11}));
}

TEST_F(TargetSelectorTest, UnitsAreHandedToTheKernelUnlessSomethingIsExcluded) {
  const std::string path = host_.cgroups() + "/system.slice/shop.service";
  std::filesystem::create_directories(path);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  put(10, 1, "/bin/a", {"a"}, "0::/system.slice/shop.service\n");
  const auto selector = make({{{Key::kUnit, "shop"}}});
  EXPECT_EQ(selector->scan().cgroups, 1U);
  EXPECT_EQ(host_.target_cgroups, (std::set<uint64_t>{status.st_ino}));
  ASSERT_TRUE(selector->reload({{{{Key::kUnit, "shop"}}}, {{{Key::kExecutable, "b"}}}, {}}));
  EXPECT_TRUE(host_.target_cgroups.empty());
  EXPECT_EQ(host_.targets, (Pids{10}));
}

TEST_F(TargetSelectorTest, ANewListenerIsFoundByTheTick) {
  put(10, 1, "/bin/a", {"a"});
  const auto selector = make({{{Key::kPort, "8080"}}});
  EXPECT_EQ(selector->scan().unmatched.size(), 1U);
  selector->tick(1);
  EXPECT_EQ(host_.targets, Pids{});
  host_.listen(8080, 777);
  put(10, 1, "/bin/a", {"a"}, "0::/\n", {777});
  selector->tick(2);  // not yet time
  EXPECT_EQ(host_.targets, Pids{});
  selector->tick(6'000'000'000);
  EXPECT_EQ(host_.targets, (Pids{10}));
}

}  // namespace
}  // namespace hostlens::discovery
