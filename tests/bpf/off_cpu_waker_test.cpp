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
/// sees that).
TEST_F(WakerTest, ATimerIsAnInterrupt) {
  if (!open(kMs, true)) GTEST_SKIP() << why_not_;
  const pid_t pid = start([] {
    const sched_param before_the_occupier{2};
    if (::sched_setscheduler(0, SCHED_FIFO, &before_the_occupier) != 0) ::_exit(1);
    stay_on(0);
    for (int i = 0; i < kRounds; ++i) sleep_ns(3 * kMs);
  });
  const pid_t occupier = occupy(0);
  go();
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (occupier == -1) GTEST_SKIP() << "this process may not use SCHED_FIFO";
  free_cpu(occupier);
  ASSERT_EQ(status, 0);
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
