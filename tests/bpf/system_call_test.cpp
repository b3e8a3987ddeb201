// SPDX-License-Identifier: Apache-2.0
// System calls of a target whose number and results are known, while a burst runs.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <csignal>
#include <map>

#include "base/clock.h"
#include "bpf/kernel_signals.h"
#include "records/system_call.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class SystemCallTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { signals_ = KernelSignals::open(why_not_); }
  static void TearDownTestSuite() { signals_.reset(); }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    probe_ = signals_->probes().system_calls();
    for (const auto& hook : signals_->report().hooks) {
      if (hook.probe == "system_call" && !hook.attached) GTEST_SKIP() << hook.hook << hook.reason;
    }
    ASSERT_NE(probe_, nullptr);
    signals_->read();
  }

  /// Observes while `body` runs as a target.
  template <typename Body>
  uint32_t observe(probes::Burst burst, Body body) {
    EXPECT_TRUE(probe_->begin(burst));
    const uint32_t pid = signals_->run_target(body);
    burst.end_ns = base::monotonic_now_ns();
    probe_->end(burst);
    signals_->read();
    return pid;
  }
  static probes::Burst burst(uint32_t times, bool watched) {
    const uint64_t now_ns = base::monotonic_now_ns();
    return {now_ns, now_ns + 20 * kSecond, times, watched};
  }
  static Counted of(uint32_t pid, kernel_signal signal, long number, int error) {
    Counted found;
    for (const Counted& counted : signals_->of(pid, signal)) {
      if (counted.key.detail == number + 1 && counted.key.label == error) found = counted;
    }
    return found;
  }
  system_call_books books() const {
    system_call_books books{};
    const uint32_t zero = 0;
    EXPECT_EQ(bpf_map_lookup_elem(probe_->books_fd(), &zero, &books), 0);
    return books;
  }

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::string why_not_;
  probes::SystemCallProbe* probe_ = nullptr;
};

void known_calls() {
  for (int i = 0; i < 300; ++i) ::syscall(SYS_getppid);
  for (int i = 0; i < 40; ++i) (void)::open("/nonexistent", O_RDONLY);
  for (int i = 0; i < 7; ++i) ::close(-1);
  for (int i = 0; i < 10; ++i) {
    const timespec span{0, 5'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
  }
}

TEST_F(SystemCallTest, EveryCallIsCountedWithItsErrorAndItsDuration) {
  const uint32_t pid = observe(burst(1, true), known_calls);
  EXPECT_EQ(of(pid, SIGNAL_SYSCALL_WATCHED, SYS_getppid, 0).count, 300U);
  EXPECT_EQ(of(pid, SIGNAL_SYSCALL_WATCHED, SYS_openat, ENOENT).count, 40U);
  EXPECT_EQ(of(pid, SIGNAL_SYSCALL_WATCHED, SYS_close, EBADF).count, 7U);
  const Counted sleeps = of(pid, SIGNAL_SYSCALL_WATCHED, SYS_clock_nanosleep, 0);
  EXPECT_EQ(sleeps.count, 10U);
  EXPECT_GE(sleeps.distribution.sum, 50'000'000U);
  EXPECT_LT(sleeps.distribution.sum, 5 * kSecond);
  EXPECT_TRUE(signals_->of(pid, SIGNAL_SYSCALL).empty());
  // The read at the gate began before the child was a target.
  const auto unmeasured = signals_->of(pid, SIGNAL_SYSCALL_UNMEASURED);
  ASSERT_EQ(unmeasured.size(), 1U);
  EXPECT_EQ(unmeasured.front().count, 1U);
}

TEST_F(SystemCallTest, ABurstStandsForThePeriod) {
  const uint32_t pid = observe(burst(30, false), known_calls);
  const Counted calls = of(pid, SIGNAL_SYSCALL, SYS_getppid, 0);
  EXPECT_EQ(calls.count, 300U * 30);
  EXPECT_EQ(calls.distribution.sum % 30, 0U);
  EXPECT_EQ(of(pid, SIGNAL_SYSCALL, SYS_openat, ENOENT).count, 40U * 30);
  EXPECT_TRUE(signals_->of(pid, SIGNAL_SYSCALL_WATCHED).empty());
}

TEST_F(SystemCallTest, AnInterruptedCallHasAnError) {
  const uint32_t pid = observe(burst(1, true), [] {
    struct sigaction act {};
    act.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &act, nullptr);
    const itimerspec soon{{0, 0}, {0, 5'000'000}};
    timer_t timer{};
    ::timer_create(CLOCK_MONOTONIC, nullptr, &timer);
    ::timer_settime(timer, 0, &soon, nullptr);
    ::syscall(SYS_pause);
  });
  EXPECT_EQ(of(pid, SIGNAL_SYSCALL_WATCHED, SYS_pause, EINTR).count, 1U);
}

TEST_F(SystemCallTest, NothingIsSeenOutsideABurstOrAfterItsEnd) {
  const uint32_t before = signals_->run_target(known_calls);
  signals_->read();
  EXPECT_TRUE(signals_->of(before, SIGNAL_SYSCALL).empty());
  EXPECT_TRUE(signals_->of(before, SIGNAL_SYSCALL_UNMEASURED).empty());
  probes::Burst over = burst(1, false);
  over.end_ns = over.begin_ns;  // ends as it begins, and is not detached yet
  const uint32_t late = observe(over, known_calls);
  EXPECT_TRUE(signals_->of(late, SIGNAL_SYSCALL).empty());
}

TEST_F(SystemCallTest, WhoIsNoTargetIsNotSeen) {
  probes::Burst all = burst(1, true);
  ASSERT_TRUE(probe_->begin(all));
  const pid_t child = ::fork();
  if (child == 0) {
    known_calls();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  probe_->end(all);
  signals_->read();
  for (const Counted& counted : signals_->all()) {
    EXPECT_NE(counted.key.signal, SIGNAL_SYSCALL_WATCHED);
  }
}

TEST_F(SystemCallTest, ItTellsHowLongItObservedAndWhatThatTook) {
  const system_call_books before = books();
  const uint64_t begin_ns = base::monotonic_now_ns();
  observe(burst(1, true), known_calls);
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  const system_call_books after = books();
  EXPECT_EQ(after.bursts, before.bursts + 1);
  EXPECT_EQ(after.observed_ns, before.observed_ns);
  EXPECT_GT(after.watched_ns - before.watched_ns, 50'000'000U);
  EXPECT_LT(after.watched_ns - before.watched_ns, wall_ns);
  // Both programs ran for each of the 357 known calls, and for all of the rest of this host.
  EXPECT_GE(after.runs - before.runs, 2U * 357);
  EXPECT_GT(after.run_ns - before.run_ns, 2U * 357 * 10);
  EXPECT_LT(after.run_ns - before.run_ns, wall_ns * 8);
}

}  // namespace
}  // namespace hostlens::testing
