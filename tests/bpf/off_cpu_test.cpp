// SPDX-License-Identifier: Apache-2.0
// Times off CPU by thread: what of them is sleep, what is a wait for a CPU by the kernel's own
// count, and who ended a sleep.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include <atomic>
#include <cmath>
#include <ctime>
#include <functional>
#include <string_view>

#include "bpf/profiled.h"
#include "records/signal.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kMs = 1'000'000;

void sleep_ns(uint64_t ns) {
  const timespec span{0, static_cast<long>(ns)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
}

uint64_t cpu_now_ns() {
  timespec cpu{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(cpu.tv_nsec);
}

cpu_set_t only(size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return set;
}

void stay_on(size_t cpu) {
  const cpu_set_t set = only(cpu);
  ::sched_setaffinity(0, sizeof(set), &set);
}

/// By the kernel's own count: the second figure of /proc/thread-self/schedstat.
uint64_t waits_until_now_ns() {
  std::ifstream file("/proc/thread-self/schedstat");
  uint64_t cpu_ns = 0;
  uint64_t waits_ns = 0;
  file >> cpu_ns >> waits_ns;
  return waits_ns;
}

/// The state letter of a process, proc_pid_stat(5).
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() ? '?' : stat[end + 2];
}

std::string own_name() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof(name));
  return name;
}

/// Memory that children write and the test reads.
struct Shared {
  uint64_t wall_ns, cpu_ns, waits_ns;
  std::atomic<uint64_t> reads_ns;
  std::atomic<uint32_t> spins, stop, tid;
};
Shared& shared() {
  static auto* const memory = static_cast<Shared*>(
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *memory;
}

/// A process that has the CPU `cpu` for itself, for a second at most; -1: it may not.
pid_t occupy(size_t cpu) {
  shared().spins = shared().stop = 0;
  const pid_t pid = ::fork();
  if (pid == 0) {
    stay_on(cpu);
    const sched_param first{1};
    if (::sched_setscheduler(0, SCHED_FIFO, &first) != 0) ::_exit(1);
    const uint64_t end_ns = base::monotonic_now_ns() + 1000 * kMs;
    shared().spins = 1;
    while (shared().stop == 0 && base::monotonic_now_ns() < end_ns) {
    }
    ::_exit(0);
  }
  while (shared().spins == 0) {
    if (::waitpid(pid, nullptr, WNOHANG) == pid) return -1;
  }
  return pid;
}

void free_cpu(pid_t occupier) {
  shared().stop = 1;
  ::waitpid(occupier, nullptr, 0);
}

class OffCpuTest : public ::testing::Test {
 protected:
  /// False: skipped, with the reason.
  bool open(uint64_t threshold_ns, bool wakers) {
    probes::OffCpuProbeSettings settings;
    settings.threshold_ns = threshold_ns;
    settings.targets_only = true;
    settings.wakers = wakers;
    std::string why_not;
    profiled_ = Profiled::open(0, true, why_not, 64 << 20, false, settings);
    if (profiled_ == nullptr) why_not_ = why_not;
    return profiled_ != nullptr;
  }

  /// A child that does `body` once go() was called; a target from its first instruction there.
  pid_t start(const std::function<void()>& body) {
    close_gate();
    EXPECT_EQ(::pipe(gate_), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      char byte = 0;
      if (::read(gate_[0], &byte, 1) == 1) body();
      ::_exit(0);
    }
    profiled_->adopt(static_cast<uint32_t>(pid));
    return pid;
  }
  void go() {
    went_ns_ = base::monotonic_now_ns();
    EXPECT_EQ(::write(gate_[1], "g", 1), 1);
  }

  void finish() {
    EXPECT_TRUE(profiled_->off_cpu().end());
    for (int i = 0; i < 2000 && (i == 0 || profiled_->waiting() != 0); ++i) profiled_->serve_once();
  }
  void SetUp() override {
    (void)shared();  // before the first fork: the children have the same
    ::sched_getaffinity(0, sizeof(cpus_), &cpus_);
  }
  void TearDown() override {
    ::sched_setaffinity(0, sizeof(cpus_), &cpus_);
    close_gate();
  }
  void close_gate() {
    for (int& fd : gate_) {
      if (fd >= 0) ::close(fd);
      fd = -1;
    }
  }

  /// Nanoseconds; `tid` 0: of all threads.
  uint64_t sum(pid_t pid, uint32_t cause, uint32_t tid = 0) {
    uint64_t ns = 0;
    for (const auto& sample : profiled_->samples()) {
      if (sample.process.pid == static_cast<uint32_t>(pid) && sample.cause == cause &&
          (tid == 0 || sample.tid == tid)) {
        ns += sample.weight;
      }
    }
    return ns;
  }
  /// For a failure's message.
  std::string everything() {
    std::string text;
    for (const auto& sample : profiled_->samples()) {
      text += "\n  " + sample.comm + " " + std::to_string(sample.tid) + " cause " +
              std::to_string(sample.cause) + " us " + std::to_string(sample.weight / 1000) +
              " woken by " + std::to_string(static_cast<int>(sample.woken_by));
    }
    return text;
  }

  struct Times compete_for_a_cpu();

  std::unique_ptr<Profiled> profiled_;
  std::string why_not_;
  cpu_set_t cpus_{};
  int gate_[2] = {-1, -1};
  uint64_t went_ns_ = 0;  ///< when go() was called
};

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

Times OffCpuTest::compete_for_a_cpu() {
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
      for (const uint64_t end = cpu_now_ns() + 3 * kMs; cpu_now_ns() < end;) {
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
TEST_F(OffCpuTest, SleepsAndWaitsForACpuAreThoseOfTheKernel) {
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

TEST_F(WakerTest, ATimerIsAnInterrupt) {
  if (!open(kMs, true)) GTEST_SKIP() << why_not_;
  const pid_t pid = start([] {
    for (int i = 0; i < kRounds; ++i) sleep_ns(3 * kMs);
  });
  go();
  ::waitpid(pid, nullptr, 0);
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
