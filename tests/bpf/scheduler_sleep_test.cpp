// SPDX-License-Identifier: Apache-2.0
// Every sleep of a target is under its cause and the call that slept, with its duration.
#include <fcntl.h>
#include <linux/futex.h>
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
#include <functional>

#include "base/clock.h"
#include "bpf/scheduler_signals.h"
#include "bpf/threads.h"

namespace hostlens::testing {
namespace {

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

}  // namespace
}  // namespace hostlens::testing
