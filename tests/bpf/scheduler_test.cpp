// SPDX-License-Identifier: Apache-2.0
// Sleeps of a target and its waits for a CPU add up to its time off CPU; of who is no target not
// every wait is looked at when there are many. Migrations, ends, and the books.
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmath>
#include <fstream>

#include "base/clock.h"
#include "bpf/scheduler_signals.h"
#include "bpf/threads.h"

namespace hostlens::testing {
namespace {

struct OffCpu {
  double sleeps_ns = 0;
  double waits_ns = 0;
  double true_ns = 0;     ///< wall time less CPU time, by the thread's own clocks
  double outside_ns = 0;  ///< before and after it read them
  double kernel_waits_ns = 0;
};

struct Times {
  uint64_t wall_ns;
  uint64_t cpu_ns;
  uint64_t waits_ns;
};

Times times_now() { return {base::monotonic_now_ns(), cpu_now_ns(), 0}; }

OffCpu compete_for_a_cpu(KernelSignals& signals) {
  static auto* const used = static_cast<Times*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t competitor = ::fork();
  if (competitor == 0) {
    stay_on(0);
    for (;;) {
    }
  }
  signals.read();
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals.run_target([&] {
    stay_on(0);
    const uint64_t waits_ns = waits_until_now_ns();
    const Times begin = times_now();
    for (int i = 0; i < 5; ++i) {
      sleep_ns(3 * kMs);
      // Longer than what a scheduler owes to who has just slept.
      for (const uint64_t end = cpu_now_ns() + 12 * kMs; cpu_now_ns() < end;) {
      }
    }
    const Times end = times_now();
    *used = {end.wall_ns - begin.wall_ns, end.cpu_ns - begin.cpu_ns,
             waits_until_now_ns() - waits_ns};
  });
  const uint64_t whole_ns = base::monotonic_now_ns() - begin_ns;
  ::kill(competitor, SIGKILL);
  ::waitpid(competitor, nullptr, 0);
  signals.read();
  return {static_cast<double>(signals.sum(pid, SIGNAL_BLOCKED)),
          static_cast<double>(signals.sum(pid, SIGNAL_RUNQUEUE)),
          static_cast<double>(used->wall_ns - used->cpu_ns),
          static_cast<double>(whole_ns - used->wall_ns), static_cast<double>(used->waits_ns)};
}

/// A thread is on a CPU or off it: its sleeps and waits for a CPU are its wall time less its CPU
/// time. Another process competes for the CPU, so that there are such waits. The tolerance is what
/// lies between reading both clocks, and between them and the hooks.
TEST_F(SchedulerTest, SleepsAndWaitsForACpuAddUpToTheTimeOffCpu) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    const uint64_t unseen_before = unseen();
    const OffCpu off = compete_for_a_cpu(*signals_);
    if (unseen() != unseen_before) continue;
    EXPECT_GT(off.waits_ns, 3.0 * kMs) << "there was no competition";
    EXPECT_GE(off.sleeps_ns + off.waits_ns, off.true_ns * 0.98);
    EXPECT_LE(off.sleeps_ns + off.waits_ns, off.true_ns * 1.02 + off.outside_ns);
    EXPECT_GE(off.waits_ns, off.kernel_waits_ns * 0.98);
    EXPECT_LE(off.waits_ns, off.kernel_waits_ns * 1.02 + off.outside_ns);
    return;
  }
  GTEST_SKIP() << "this kernel hides switches too often: see unseen()";
}

TEST_F(SchedulerTest, WhoIsNoTargetWaitsForACpuUnderItsCgroupAndSleepsUncounted) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 20; ++i) sleep_ns(kMs);
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  signals_->read();
  EXPECT_TRUE(signals_->of(static_cast<uint32_t>(child), SIGNAL_BLOCKED).empty());
  uint64_t waits = 0;
  for (const Counted& counted : signals_->all()) {
    if (counted.key.signal == SIGNAL_RUNQUEUE && counted.pid() == 0) waits += counted.count;
  }
  EXPECT_GE(waits, 20U);
}

uint64_t switches_of_host() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word && word != "ctxt") {
  }
  uint64_t switches = 0;
  file >> switches;
  return switches;
}

/// Two processes that are no targets wake each other up this often. What they and everybody else
/// switched is known to the kernel.
TEST_F(SchedulerTest, MoreSwitchesThanAreLookedAtAreEstimated) {
  constexpr int kRounds = 100'000;
  signals_->read();
  const auto before = signals_->tables().books();
  const uint64_t host_before = switches_of_host();
  rusage used_before{};
  ::getrusage(RUSAGE_CHILDREN, &used_before);
  int there[2];
  int back[2];
  ASSERT_EQ(::pipe(there), 0);
  ASSERT_EQ(::pipe(back), 0);
  for (const auto& [in, out] : {std::pair{there[0], back[1]}, std::pair{back[0], there[1]}}) {
    if (::fork() != 0) continue;
    stay_on(0);
    char byte = 0;
    if (out == there[1]) (void)!::write(out, &byte, 1);
    for (int i = 0; i < kRounds && ::read(in, &byte, 1) == 1; ++i) (void)!::write(out, &byte, 1);
    ::_exit(0);
  }
  while (::wait(nullptr) > 0) {
  }
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  for (const int fd : {there[0], there[1], back[0], back[1]}) ::close(fd);
  signals_->read();
  const auto after = signals_->tables().books();
  const uint64_t host = switches_of_host() - host_before;
  const auto own = static_cast<double>(used.ru_nvcsw + used.ru_nivcsw - used_before.ru_nvcsw -
                                       used_before.ru_nivcsw);
  ASSERT_GT(own, kRounds) << "they did not wait for each other";
  double waits = 0;
  for (const Counted& counted : signals_->all()) {
    if (counted.key.signal == SIGNAL_RUNQUEUE) waits += static_cast<double>(counted.count);
  }
  // One in 16 stands for 16: the standard error is the root of 15 times the number; five of them.
  const double error = 5 * std::sqrt(15 * own);
  EXPECT_GE(waits, own - error);
  EXPECT_LE(waits, static_cast<double>(host) + error);
  ASSERT_TRUE(before && after);
  EXPECT_GT(after->estimated - before->estimated, own / 2);
  EXPECT_LT(after->observed - before->observed, own / 2);
}

TEST_F(SchedulerTest, MigrationsAreThoseOfTheKernel) {
  static auto* const kernels = static_cast<uint64_t*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2) GTEST_SKIP() << "there is one CPU";
  const uint32_t pid = signals_->run_target([] {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_MIGRATIONS;
    const long counter = ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
    for (size_t i = 0; i < 20; ++i) stay_on(i % 2);
    if (::read(static_cast<int>(counter), kernels, sizeof(*kernels)) < 0) *kernels = 0;
  });
  signals_->read();
  const auto counted = signals_->of(pid, SIGNAL_MIGRATIONS);
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_GE(*kernels, 19U);
  EXPECT_GE(counted.front().count, *kernels);
  EXPECT_LE(counted.front().count, *kernels + 2) << "before it counted, and after";
}

/// What the programs counted as observed is in the tables or lost for a reason, nothing else. The
/// whole machine's threads are in it, so the programs never rest: both sides are read with what
/// came between, as bounds.
TEST_F(SchedulerTest, TheBooksBalance) {
  const auto total = [&] {
    uint64_t sum = 0;
    for (const Counted& counted : signals_->all()) {
      // A migration's value is its number, so here count and observations are the same.
      sum += counted.count;
    }
    return sum;
  };
  signals_->read();
  const auto first = signals_->tables().books();
  signals_->run_target([] {
    for (int i = 0; i < 100; ++i) sleep_ns(kMs / 10);
  });
  const auto second = signals_->tables().books();
  signals_->read();
  const auto third = signals_->tables().books();
  ASSERT_TRUE(first && second && third);
  EXPECT_GE(total() + third->lost - first->lost, second->observed - first->observed);
  signals_->read();  // what came between turning and reading
  EXPECT_GE(second->observed - first->observed, 150U);
}

TEST_F(SchedulerTest, ProcessesEndWithReasonAndCode) {
  signals_->read();
  const auto run = [&](auto body) { return signals_->run_target(body); };
  const uint32_t exited = run([] { ::_exit(7); });
  const uint32_t killed = run([] { ::kill(::getpid(), SIGTERM); });
  const uint32_t dumped = run([] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::raise(SIGSEGV);
  });
  signals_->read();
  const auto one = [&](uint32_t pid) {
    const auto ends = signals_->of(pid, SIGNAL_EXITS);
    EXPECT_EQ(ends.size(), 1U);
    return ends.empty() ? Counted{} : ends.front();
  };
  EXPECT_EQ(one(exited).key.label, EXIT_EXITED);
  EXPECT_EQ(one(exited).key.detail, 7U);
  EXPECT_EQ(one(killed).key.label, EXIT_SIGNALED);
  EXPECT_EQ(one(killed).key.detail, static_cast<uint32_t>(SIGTERM));
  EXPECT_EQ(one(dumped).key.detail, static_cast<uint32_t>(SIGSEGV));
  EXPECT_EQ(signals_->of(exited, SIGNAL_LIFETIME).size(), 1U);
}

}  // namespace
}  // namespace hostlens::testing
