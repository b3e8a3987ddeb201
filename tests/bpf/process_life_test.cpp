// SPDX-License-Identifier: Apache-2.0
// Targets are inherited by fork, kept over exec and let go at the exit.
#include <sys/wait.h>

#include "bpf/loopback.h"
#include "bpf/observed.h"

namespace hostlens::testing {
namespace {

std::unique_ptr<Observed> open_probe(bool report_all, std::string& why_not) {
  probes::SocketProbeSettings settings;
  settings.report_all_processes = report_all;
  auto opened = Observed::open(settings);
  if (opened) return *std::move(opened);
  why_not = opened.error().text();
  return nullptr;
}

/// Runs `body` in a child and waits for it.
template <typename Body>
pid_t run_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(3);
  }
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  return child;
}

TEST(ProcessLifeTest, ChildrenOfTargetsAreTargetsUntilTheyEnd) {
  std::string why_not;
  const auto seen = open_probe(false, why_not);
  if (!seen) GTEST_SKIP() << why_not;
  kernel::TargetTable targets = seen->probe().targets();
  ASSERT_TRUE(targets.set_process(static_cast<uint32_t>(::getpid()), true));
  const auto child = static_cast<uint32_t>(run_child([] {
    const SocketPair pair = unix_pair();
    (void)!::write(pair.client.get(), "child", 5);
  }));
  ASSERT_TRUE(targets.set_process(static_cast<uint32_t>(::getpid()), false));
  ASSERT_EQ(seen->calls().size(), 1U);
  EXPECT_EQ(seen->calls()[0].event.pid, child);
  EXPECT_EQ(seen->calls()[0].payload, "child");
  const auto forks = seen->events<model::ProcessFork>();
  ASSERT_EQ(forks.size(), 1U);
  EXPECT_EQ(forks[0].process.pid, child);
  EXPECT_EQ(forks[0].parent_pid, static_cast<uint32_t>(::getpid()));
  EXPECT_TRUE(forks[0].is_target);
  const auto exits = seen->events<model::ProcessExit>();
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0].process, forks[0].process);
  EXPECT_EQ(WEXITSTATUS(exits[0].exit_code), 3);
  EXPECT_FALSE(targets.is_target(child));
}

TEST(ProcessLifeTest, ReportsEveryProgramWhenDiscoveryWantsIt) {
  std::string why_not;
  const auto seen = open_probe(true, why_not);
  if (!seen) GTEST_SKIP() << why_not;
  const auto child =
      static_cast<uint32_t>(run_child([] { ::execl("/bin/true", "true", nullptr); }));
  bool executed = false;
  for (const auto& exec : seen->events<model::ProcessExec>()) {
    if (exec.process.pid != child) continue;
    executed = true;
    EXPECT_EQ(exec.comm, "true");
    EXPECT_FALSE(exec.is_target);
    EXPECT_EQ(exec.parent_pid, static_cast<uint32_t>(::getpid()));
    EXPECT_NE(exec.process.start_ticks, 0U);
  }
  EXPECT_TRUE(executed);
}

TEST(ProcessLifeTest, NamesNoProcessThatCannotExist) {
  std::string why_not;
  const auto seen = open_probe(false, why_not);
  if (!seen) GTEST_SKIP() << why_not;
  kernel::TargetTable targets = seen->probe().targets();
  EXPECT_FALSE(targets.set_process(0, true));
  EXPECT_FALSE(targets.set_process(4'194'304, true));
  EXPECT_FALSE(targets.is_target(4'194'304));
}

}  // namespace
}  // namespace hostlens::testing
