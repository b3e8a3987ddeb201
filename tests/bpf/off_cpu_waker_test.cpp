// SPDX-License-Identifier: Apache-2.0
// Who ended a sleep: the thread with its stack, an interrupt, or nobody who is told.
#include <pthread.h>
#include <sys/syscall.h>

#include <functional>

#include "bpf/off_cpu_recording.h"
#include "records/signal.h"

namespace hostlens::testing {
namespace {

std::string own_name() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof(name));
  return name;
}

/// Sleeps of the child's main thread, by how and by whom they were ended.
struct Ends {
  size_t sleeps = 0;
  size_t threads = 0;
  size_t interrupts = 0;
};

class WakerTest : public OffCpuTest {
 protected:
  static constexpr int kRounds = 20;

  Ends ends(pid_t pid, uint32_t cause,
            const std::function<bool(const decoders::ProfileWaker&)>& by) {
    Ends found;
    for (const auto& sample : profiled_->samples()) {
      if (sample.tid != static_cast<uint32_t>(pid) || sample.cause != cause ||
          sample.weight < 2 * kMs) {
        continue;
      }
      // Its wait for go(), where that took long enough to be recorded.
      if (sample.time_ns - sample.weight < went_ns_) continue;
      ++found.sleeps;
      found.interrupts += sample.woken_by == decoders::WokenBy::kInterrupt ? 1 : 0;
      if (sample.woken_by != decoders::WokenBy::kThread) continue;
      EXPECT_NE(sample.waker, nullptr);
      if (sample.waker == nullptr) continue;
      EXPECT_EQ(sample.waker->sleeper, sample.tid);
      EXPECT_LE(sample.waker->stack.time_ns, sample.time_ns);
      EXPECT_FALSE(sample.waker->stack.kernel_frames.empty());
      found.threads += by(*sample.waker) ? 1 : 0;
    }
    return found;
  }
};

/// The main thread reads a byte from a pipe, a thread writes it 3 ms later.
void read_what_a_thread_writes(int rounds) {
  static int asked[2];
  static int answer[2];
  if (::pipe(asked) != 0 || ::pipe(answer) != 0) ::_exit(1);
  pthread_t thread{};
  const auto body = [](void*) -> void* {
    ::pthread_setname_np(::pthread_self(), "writes");
    shared().tid = static_cast<uint32_t>(::syscall(SYS_gettid));
    char byte = 0;
    while (::read(asked[0], &byte, 1) == 1) {
      sleep_ns(3 * kMs);
      (void)!::write(answer[1], "x", 1);
    }
    return nullptr;
  };
  ::pthread_create(&thread, nullptr, body, nullptr);
  for (int i = 0; i < rounds; ++i) {
    char byte = 0;
    (void)!::write(asked[1], "x", 1);
    (void)!::read(answer[0], &byte, 1);
  }
}

TEST_F(WakerTest, ASleepIsEndedByTheThreadThatWroteWithItsOwnStack) {
  if (!open(kMs, true)) GTEST_SKIP() << why_not_;
  const pid_t pid = start([] { read_what_a_thread_writes(kRounds); });
  go();
  ::waitpid(pid, nullptr, 0);
  finish();
  const Ends found = ends(pid, BLOCKED_IPC, [&](const decoders::ProfileWaker& waker) {
    EXPECT_EQ(waker.how, PROFILE_WAKER_THREAD);
    EXPECT_EQ(waker.stack.comm, "writes");
    EXPECT_EQ(waker.stack.process.pid, static_cast<uint32_t>(pid));
    EXPECT_NE(waker.stack.outcome, PROFILE_NO_STACK);
    return waker.stack.tid == shared().tid;
  });
  EXPECT_GE(found.sleeps, size_t{kRounds} * 9 / 10) << everything();
  EXPECT_EQ(found.threads, found.sleeps) << everything();
}

/// Beside a process of ours that has the CPU meanwhile: some kernels call no program while a thread
/// of their hypervisor's own agent is on the CPU, not even for what an interrupt does there (ftrace
/// sees that). Where SCHED_FIFO is not allowed it sleeps without, and as much is asked for.
TEST_F(WakerTest, ATimerIsAnInterrupt) {
  if (!open(kMs, true)) GTEST_SKIP() << why_not_;
  const pid_t pid = start([] {
    const sched_param before_the_occupier{2};
    (void)::sched_setscheduler(0, SCHED_FIFO, &before_the_occupier);
    stay_on(0);
    for (int i = 0; i < kRounds; ++i) sleep_ns(3 * kMs);
  });
  const pid_t occupier = occupy(0);
  go();
  ::waitpid(pid, nullptr, 0);
  if (occupier != -1) free_cpu(occupier);
  finish();
  const Ends found = ends(pid, BLOCKED_TIMER, [](const auto&) { return true; });
  EXPECT_GE(found.sleeps, size_t{kRounds} * 9 / 10) << everything();
  EXPECT_EQ(found.interrupts, found.sleeps) << everything();
  EXPECT_EQ(found.threads, 0U) << everything();
}

TEST_F(WakerTest, OfAWakerThatIsNoTargetThereIsTheKernelsPartAndTheName) {
  if (!open(kMs, true)) GTEST_SKIP() << why_not_;
  int ends_of_pipe[2];
  ASSERT_EQ(::pipe(ends_of_pipe), 0);
  const pid_t pid = start([&] {
    for (int i = 0; i < kRounds; ++i) {
      char byte = 0;
      (void)!::read(ends_of_pipe[0], &byte, 1);
    }
  });
  go();
  for (int i = 0; i < kRounds; ++i) {
    while (state_of(pid) != 'S') {
    }
    sleep_ns(3 * kMs);
    ASSERT_EQ(::write(ends_of_pipe[1], "x", 1), 1);
  }
  ::waitpid(pid, nullptr, 0);
  finish();
  for (const int fd : ends_of_pipe) ::close(fd);
  const Ends found = ends(pid, BLOCKED_IPC, [&](const decoders::ProfileWaker& waker) {
    EXPECT_TRUE(waker.stack.frames.empty() && waker.stack.python_frames.empty());
    EXPECT_EQ(waker.stack.outcome, PROFILE_NO_STACK);
    EXPECT_EQ(waker.stack.comm, own_name());
    return waker.stack.process.pid == static_cast<uint32_t>(::getpid());
  });
  EXPECT_GE(found.sleeps, size_t{kRounds} * 8 / 10) << everything();
  EXPECT_EQ(found.threads, found.sleeps) << everything();
}

/// Threads that each read bytes from a pipe of their own, and the main thread that writes them, all
/// on one CPU. A second of many short sleeps, one without any, and a sleep from that one into the
/// next: the budget is the tight one of the first second when it begins, and has room again when it
/// ends.
void sleep_while_the_budget_changes() {
  constexpr uint64_t kSecond = uint64_t{1} << 30;  // of the budget
  constexpr size_t kReaders = 8;
  static int pipes[kReaders][2];
  stay_on(0);
  for (auto& ends : pipes) {
    if (::pipe(ends) != 0) ::_exit(1);
    pthread_t thread{};
    const auto body = [](void* end) -> void* {
      char byte = 0;
      while (::read(*static_cast<int*>(end), &byte, 1) == 1) {
      }
      return nullptr;
    };
    ::pthread_create(&thread, nullptr, body, ends);
  }
  const auto until = [](uint64_t ns) {
    const timespec when{static_cast<time_t>(ns / 1'000'000'000),
                        static_cast<long>(ns % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
  };
  const auto wake_all_at = [&](uint64_t ns) {
    until(ns);
    for (auto& ends : pipes) (void)!::write(ends[1], "x", 1);
  };
  const uint64_t first_ns = (base::monotonic_now_ns() / kSecond + 1) * kSecond;
  const uint64_t second_ns = first_ns + kSecond;
  // From the last one on: no sleep is near the threshold, where the waker and the woken may differ.
  for (uint64_t ns = first_ns; ns < second_ns - 5 * kMs; ns = base::monotonic_now_ns() + 5 * kMs) {
    wake_all_at(ns);
  }
  wake_all_at(second_ns + kSecond - 15 * kMs);
  wake_all_at(second_ns + kSecond + 5 * kMs);
  until(second_ns + kSecond + 10 * kMs);
}

TEST_F(WakerTest, WhereStacksAreScarceEachThatIsTakenHasItsWaker) {
  constexpr uint32_t kStacksPerSecond = 200;
  if (!open(kMs, true, kStacksPerSecond)) GTEST_SKIP() << why_not_;
  const pid_t pid = start(sleep_while_the_budget_changes);
  go();
  ::waitpid(pid, nullptr, 0);
  finish();
  size_t stacks = 0;
  for (const auto& sample : profiled_->samples()) {
    if (sample.process.pid != static_cast<uint32_t>(pid) || sample.cause != BLOCKED_IPC ||
        sample.outcome == PROFILE_NO_STACK || sample.weight < 2 * kMs ||
        sample.time_ns - sample.weight < went_ns_) {
      continue;
    }
    ++stacks;
    EXPECT_EQ(sample.woken_by, decoders::WokenBy::kThread)
        << (sample.time_ns - went_ns_) / 1000 << " us after the beginning, for "
        << sample.weight / 1000 << " us";
  }
  EXPECT_GE(stacks, size_t{kStacksPerSecond} / 2) << everything();
  EXPECT_LE(stacks, size_t{3} * 2 * kStacksPerSecond) << everything();
}

TEST_F(WakerTest, NobodyIsToldUnlessAskedFor) {
  if (!open(kMs, false)) GTEST_SKIP() << why_not_;
  const pid_t pid = start([] { read_what_a_thread_writes(kRounds); });
  go();
  ::waitpid(pid, nullptr, 0);
  finish();
  const Ends found = ends(pid, BLOCKED_IPC, [](const auto&) { return true; });
  EXPECT_GE(found.sleeps, size_t{kRounds} * 9 / 10) << everything();
  EXPECT_EQ(found.threads + found.interrupts, 0U);
  for (const auto& sample : profiled_->samples()) {
    EXPECT_EQ(sample.woken_by, decoders::WokenBy::kUnknown);
  }
}

}  // namespace
}  // namespace hostlens::testing
