// SPDX-License-Identifier: Apache-2.0
// Times off CPU by thread: what of them is sleep, and what is a wait for a CPU by the kernel's own
// count.
#include <pthread.h>
#include <sys/syscall.h>

#include <cmath>

#include "bpf/off_cpu_recording.h"
#include "records/signal.h"

namespace hostlens::testing {
namespace {

/// Of a thread that sleeps and computes beside a competitor for its CPU.
struct Times {
  double off_ns = 0;      ///< wall time less CPU time, by its own clocks
  double waits_ns = 0;    ///< of these, by the kernel's count
  double outside_ns = 0;  ///< before and after it read them
  double sleep_sum = 0;   ///< as recorded
  double wait_sum = 0;

  [[nodiscard]] bool agree() const {
    return std::abs(sleep_sum - (off_ns - waits_ns)) <= 0.02 * off_ns + kMs &&
           wait_sum >= waits_ns * 0.98 && wait_sum <= waits_ns * 1.02 + outside_ns;
  }
};

class CompetitionTest : public OffCpuTest {
 protected:
  Times compete_for_a_cpu();
};

Times CompetitionTest::compete_for_a_cpu() {
  const pid_t competitor = ::fork();
  if (competitor == 0) {
    stay_on(0);
    for (;;) {
    }
  }
  const pid_t pid = start([] {
    stay_on(0);
    const uint64_t waits_ns = waits_until_now_ns();
    const uint64_t wall_ns = base::monotonic_now_ns();
    const uint64_t cpu_ns = cpu_now_ns();
    for (int i = 0; i < 20; ++i) {
      sleep_ns(3 * kMs);
      // Longer than what a scheduler owes to who has just slept.
      for (const uint64_t end = cpu_now_ns() + 12 * kMs; cpu_now_ns() < end;) {
      }
    }
    shared().cpu_ns = cpu_now_ns() - cpu_ns;
    shared().wall_ns = base::monotonic_now_ns() - wall_ns;
    shared().waits_ns = waits_until_now_ns() - waits_ns;
  });
  const uint64_t begin_ns = base::monotonic_now_ns();
  go();
  ::waitpid(pid, nullptr, 0);
  const uint64_t whole_ns = base::monotonic_now_ns() - begin_ns;
  ::kill(competitor, SIGKILL);
  ::waitpid(competitor, nullptr, 0);
  finish();
  return {static_cast<double>(shared().wall_ns - shared().cpu_ns),
          static_cast<double>(shared().waits_ns), static_cast<double>(whole_ns - shared().wall_ns),
          static_cast<double>(sum(pid, BLOCKED_TIMER)),
          static_cast<double>(sum(pid, PROFILE_CAUSE_RUNQUEUE))};
}

/// Where a hypervisor takes the CPU in the middle of a switch, this time is once in the kernel's
/// sleep and once in ours: so one of several attempts must agree.
TEST_F(CompetitionTest, SleepsAndWaitsForACpuAreThoseOfTheKernel) {
  Times times;
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (!open(1, false)) GTEST_SKIP() << why_not_;
    times = compete_for_a_cpu();
    if (times.agree()) break;
  }
  EXPECT_GT(times.waits_ns, 10.0 * kMs) << "there was no competition";
  EXPECT_TRUE(times.agree()) << "slept " << times.sleep_sum << " of " << times.off_ns
                             << " ns, waited " << times.wait_sum << ", the kernel says "
                             << times.waits_ns << everything();
}

TEST_F(OffCpuTest, WhoWaitsForACpuAtTheEndSleptUntilItWasWoken) {
  if (!open(1, false)) GTEST_SKIP() << why_not_;
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2) GTEST_SKIP() << "there is one CPU";
  stay_on(1);
  shared().reads_ns = 0;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t pid = start([&] {
    stay_on(0);
    sleep_ns(kMs);  // so that it has been seen on a CPU
    char byte = 0;
    shared().reads_ns = base::monotonic_now_ns();
    (void)!::read(ends[0], &byte, 1);
    pause();
  });
  const uint64_t begin_ns = base::monotonic_now_ns();
  go();
  while (shared().reads_ns == 0 || base::monotonic_now_ns() < shared().reads_ns + 100 * kMs ||
         state_of(pid) != 'S') {
  }
  const pid_t occupier = occupy(0);
  if (occupier < 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    GTEST_SKIP() << "no real-time priority here";
  }
  const uint64_t woken_ns = base::monotonic_now_ns();
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  while (base::monotonic_now_ns() < woken_ns + 50 * kMs) {
  }
  finish();
  free_cpu(occupier);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  for (const int fd : ends) ::close(fd);
  EXPECT_GE(sum(pid, PROFILE_CAUSE_RUNQUEUE), 49 * kMs) << everything();
  EXPECT_GE(sum(pid, BLOCKED_IPC), woken_ns - shared().reads_ns - 10 * kMs) << everything();
  // It read from the gate, too, from begin() on.
  EXPECT_LE(sum(pid, BLOCKED_IPC), woken_ns - begin_ns + 10 * kMs) << everything();
}

TEST_F(OffCpuTest, ANewThreadWaitsForItsFirstCpu) {
  if (!open(1, false)) GTEST_SKIP() << why_not_;
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2) GTEST_SKIP() << "there is one CPU";
  stay_on(1);
  const pid_t occupier = occupy(0);
  if (occupier < 0) GTEST_SKIP() << "no real-time priority here";
  shared().tid = 0;
  const pid_t pid = start([] {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    const cpu_set_t first = only(0);
    ::pthread_attr_setaffinity_np(&attributes, sizeof(first), &first);
    pthread_t thread{};
    const auto body = [](void*) -> void* {
      shared().tid = static_cast<uint32_t>(::syscall(SYS_gettid));
      return nullptr;
    };
    ::pthread_create(&thread, &attributes, body, nullptr);
    const uint64_t end_ns = base::monotonic_now_ns() + 50 * kMs;
    while (base::monotonic_now_ns() < end_ns) {
    }
    shared().stop = 1;
    ::pthread_join(thread, nullptr);
  });
  go();
  ::waitpid(pid, nullptr, 0);
  free_cpu(occupier);
  finish();
  const uint32_t tid = shared().tid;
  ASSERT_NE(tid, 0U);
  EXPECT_GE(sum(pid, PROFILE_CAUSE_RUNQUEUE, tid), 40 * kMs) << everything();
  EXPECT_LE(sum(pid, PROFILE_CAUSE_RUNQUEUE, tid), 500 * kMs) << everything();
}

}  // namespace
}  // namespace hostlens::testing
