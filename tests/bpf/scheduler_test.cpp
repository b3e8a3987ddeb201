// SPDX-License-Identifier: Apache-2.0
// Every sleep of a target under its cause, every wait for a CPU; both add up to the time off CPU.
// Of who is no target not every wait is looked at when there are many.
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>

#include "base/clock.h"
#include "bpf/kernel_signals.h"

namespace hostlens::testing {
namespace {

constexpr uint64_t kMs = 1'000'000;

class SchedulerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { signals_ = KernelSignals::open(why_not_); }
  static void TearDownTestSuite() { signals_.reset(); }
  void SetUp() override {
    if (!signals_) GTEST_SKIP() << why_not_;
    signals_->read();
  }

  static std::string everything(uint32_t pid);
  /// What this kernel counted and did not show: threads of a virtual machine's own agent hide
  /// switches from programs, as from ftrace. Elsewhere it is 0, and the counts are exact.
  static uint64_t unseen() {
    const auto books = signals_->tables().books();
    EXPECT_TRUE(books);
    return books ? books->unseen_switch : 0;
  }

  static struct OffCpu compete_for_a_cpu();

  static inline std::unique_ptr<KernelSignals> signals_;
  static inline std::string why_not_;
};

void sleep_ns(uint64_t ns) {
  const timespec span{0, static_cast<long>(ns)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
}

/// The state letter of a process, proc_pid_stat(5).
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() ? '?' : stat[end + 2];
}

/// `times` times, from another process: waits until the caller sleeps, 3 ms more, and does `wake`.
template <typename Wake>
void helper(int times, Wake wake) {
  const pid_t sleeper = ::getpid();
  if (::fork() != 0) return;
  for (int i = 0; i < times; ++i) {
    while (state_of(sleeper) != 'S') {
    }
    sleep_ns(3 * kMs);
    wake();
  }
  ::_exit(0);
}

/// What the kernel itself counts: __schedule() in kernel/sched/core.c adds one where the thread
/// goes to sleep. Shared with the children.
uint64_t& voluntary_switches() {
  static auto* const shared = static_cast<uint64_t*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *shared;
}
uint64_t own_voluntary_switches() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return static_cast<uint64_t>(used.ru_nvcsw);
}

/// Ten times something that sleeps, or finds that it need not when this process was held up.
template <typename Step>
void ten_times(Step step) {
  const uint64_t before = own_voluntary_switches();
  for (int i = 0; i < 10; ++i) step();
  voluntary_switches() = own_voluntary_switches() - before;
}

struct SleepCase {
  const char* name;
  blocked_cause cause;
  long call;
  std::function<void()> body;
  uint64_t least = 5;  ///< of ten, on a busy machine
};

void PrintTo(const SleepCase& sleep, std::ostream* out) { *out << sleep.name; }

template <typename Wait>
void ten_pipe_bytes(int (*make)(int*), Wait wait) {
  int ends[2];
  if (make(ends) != 0) ::_exit(1);
  helper(10, [&] { (void)!::write(ends[1], "x", 1); });
  ten_times([&] { wait(ends[0]); });
}

int make_pipe(int* ends) { return ::pipe(ends); }
int make_sockets(int* ends) { return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }
void read_one(int fd) {
  char byte = 0;
  (void)!::read(fd, &byte, 1);
}

const SleepCase kSleeps[] = {
    {"Timer", BLOCKED_TIMER, SYS_clock_nanosleep, [] { ten_times([] { sleep_ns(3 * kMs); }); }},
    {"TimerDescriptor", BLOCKED_TIMER, SYS_read,
     [] {
       const int timer = ::timerfd_create(CLOCK_MONOTONIC, 0);
       ten_times([&] {
         const itimerspec span{{0, 0}, {0, 3'000'000}};
         ::timerfd_settime(timer, 0, &span, nullptr);
         uint64_t ticks = 0;
         (void)!::read(timer, &ticks, sizeof(ticks));
       });
     }},
    {"Pipe", BLOCKED_IPC, SYS_read, [] { ten_pipe_bytes(make_pipe, read_one); }},
    {"EventDescriptor", BLOCKED_IPC, SYS_read,
     [] {
       const int event = ::eventfd(0, EFD_SEMAPHORE);
       helper(10, [&] {
         const uint64_t one = 1;
         (void)!::write(event, &one, sizeof(one));
       });
       ten_times([&] {
         uint64_t value = 0;
         (void)!::read(event, &value, sizeof(value));
       });
     }},
    {"SocketByRead", BLOCKED_NETWORK, SYS_read, [] { ten_pipe_bytes(make_sockets, read_one); }},
    {"SocketByReceive", BLOCKED_NETWORK, SYS_recvfrom,
     [] {
       ten_pipe_bytes(make_sockets, [](int fd) {
         char byte = 0;
         (void)::recv(fd, &byte, 1, 0);
       });
     }},
    {"Poll", BLOCKED_POLL, SYS_poll,
     [] {
       ten_pipe_bytes(make_pipe, [](int fd) {
         pollfd wanted{fd, POLLIN, 0};
         ::poll(&wanted, 1, 1000);
         read_one(fd);
       });
     }},
    {"Lock", BLOCKED_LOCK, SYS_futex,
     [] {
       auto* word = static_cast<std::atomic<uint32_t>*>(
           ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
       helper(10, [&] {
         word->fetch_add(1);
         ::syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
       });
       uint32_t seen = 0;
       ten_times([&] {
         ::syscall(SYS_futex, word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
         ++seen;
       });
     }},
    {"FileLock", BLOCKED_LOCK, SYS_flock,
     [] {
       std::array<int, 10> files{};
       std::array<int, 10> others{};
       for (size_t i = 0; i < files.size(); ++i) {
         files[i] = ::memfd_create("lock", 0);
         const std::string path = "/proc/self/fd/" + std::to_string(files[i]);
         others[i] = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
         if (::flock(others[i], LOCK_EX) != 0) ::_exit(1);
       }
       helper(10, [&, i = 0]() mutable { ::flock(others[i++], LOCK_UN); });
       ten_times([&, i = 0]() mutable { ::flock(files[i++], LOCK_EX); });
     }},
    {"Child", BLOCKED_WAIT, SYS_wait4,
     [] {
       ten_times([] {
         const pid_t child = ::fork();
         if (child == 0) {
           sleep_ns(3 * kMs);
           ::_exit(0);
         }
         ::waitpid(child, nullptr, 0);
       });
     }},
};

/// For a failure's message.
std::string SchedulerTest::everything(uint32_t pid) {
  std::string text;
  for (const kernel_signal signal : {SIGNAL_BLOCKED, SIGNAL_RUNQUEUE}) {
    for (const Counted& counted : signals_->of(pid, signal)) {
      text += "signal " + std::to_string(counted.key.signal) + " label " +
              std::to_string(counted.key.label) + " detail " + std::to_string(counted.key.detail) +
              ": " + std::to_string(counted.count) + " in " +
              std::to_string(counted.distribution.sum / 1000) + " us\n";
    }
  }
  const auto books = signals_->tables().books();
  if (books) {
    text += std::to_string(books->unseen_switch) + " switches not seen, " +
            std::to_string(books->unknown_thread) + " unknown, " + std::to_string(books->lost) +
            " without room, " + std::to_string(signals_->probes().recursion_misses()) +
            " missed by recursion";
  }
  return text;
}

class SleepTest : public SchedulerTest, public ::testing::WithParamInterface<SleepCase> {};

TEST_P(SleepTest, IsCountedUnderItsCauseAndCallWithItsDuration) {
  voluntary_switches() = 0;
  const uint64_t unseen_before = unseen();
  const SleepCase& sleep = GetParam();
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target(sleep.body);
  const uint64_t wall_ns = base::monotonic_now_ns() - begin_ns;
  signals_->read();
  uint64_t count = 0;
  uint64_t in_call = 0;
  uint64_t sum_ns = 0;
  for (const Counted& counted : signals_->of(pid, SIGNAL_BLOCKED)) {
    if (counted.key.label != sleep.cause) continue;
    count += counted.count;
    if (counted.key.detail != sleep.call + 1) continue;
    in_call += counted.count;
    sum_ns += counted.distribution.sum;
    // 3 ms and no more than the machine adds: the slots of 2 to 4 ms and above.
    uint64_t short_ones = 0;
    for (size_t slot = 0; slot < SIGNAL_SLOT_EXPONENT - 8; ++slot) {
      short_ones += counted.distribution.slots[slot];
    }
    EXPECT_LE(short_ones, counted.count / 5) << "of " << counted.count;
  }
  EXPECT_GE(in_call, sleep.least);
  EXPECT_LE(count, voluntary_switches()) << everything(pid);
  EXPECT_GE(count + unseen() - unseen_before, voluntary_switches()) << everything(pid);
  EXPECT_GE(sum_ns, sleep.least * 2 * kMs);
  EXPECT_LE(sum_ns, wall_ns);
}

INSTANTIATE_TEST_SUITE_P(Of, SleepTest, ::testing::ValuesIn(kSleeps),
                         [](const auto& one) { return one.param.name; });

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

/// By the kernel's own count: the second figure of /proc/thread-self/schedstat.
uint64_t waits_until_now_ns() {
  std::ifstream file("/proc/thread-self/schedstat");
  uint64_t cpu_ns = 0;
  uint64_t waits_ns = 0;
  file >> cpu_ns >> waits_ns;
  return waits_ns;
}

Times times_now() {
  timespec cpu{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return {base::monotonic_now_ns(),
          static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(cpu.tv_nsec),
          0};
}

OffCpu SchedulerTest::compete_for_a_cpu() {
  static auto* const used = static_cast<Times*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  const pid_t competitor = ::fork();
  if (competitor == 0) {
    ::sched_setaffinity(0, sizeof(one), &one);
    for (;;) {
    }
  }
  signals_->read();
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint32_t pid = signals_->run_target([&] {
    ::sched_setaffinity(0, sizeof(one), &one);
    const uint64_t waits_ns = waits_until_now_ns();
    const Times begin = times_now();
    for (int i = 0; i < 5; ++i) {
      sleep_ns(3 * kMs);
      for (const uint64_t end = times_now().cpu_ns + 3 * kMs; times_now().cpu_ns < end;) {
      }
    }
    const Times end = times_now();
    *used = {end.wall_ns - begin.wall_ns, end.cpu_ns - begin.cpu_ns,
             waits_until_now_ns() - waits_ns};
  });
  const uint64_t whole_ns = base::monotonic_now_ns() - begin_ns;
  ::kill(competitor, SIGKILL);
  ::waitpid(competitor, nullptr, 0);
  signals_->read();
  return {static_cast<double>(signals_->sum(pid, SIGNAL_BLOCKED)),
          static_cast<double>(signals_->sum(pid, SIGNAL_RUNQUEUE)),
          static_cast<double>(used->wall_ns - used->cpu_ns),
          static_cast<double>(whole_ns - used->wall_ns), static_cast<double>(used->waits_ns)};
}

/// A thread is on a CPU or off it: its sleeps and waits for a CPU are its wall time less its CPU
/// time. Another process competes for the CPU, so that there are such waits. The tolerance is what
/// lies between reading both clocks, and between them and the hooks.
TEST_F(SchedulerTest, SleepsAndWaitsForACpuAddUpToTheTimeOffCpu) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    const uint64_t unseen_before = unseen();
    const OffCpu off = compete_for_a_cpu();
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
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
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
    for (int i = 0; i < 20; ++i) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<size_t>(i % 2), &one);
      ::sched_setaffinity(0, sizeof(one), &one);
    }
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
