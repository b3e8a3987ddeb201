// SPDX-License-Identifier: Apache-2.0
// A recording of times off CPU of a child that does what the test says.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "bpf/profiled.h"
#include "bpf/threads.h"

namespace hostlens::testing {

/// Memory that children write and the test reads.
struct Shared {
  uint64_t wall_ns, cpu_ns, waits_ns;
  std::atomic<uint64_t> reads_ns;
  std::atomic<uint32_t> spins, stop, tid;
};
inline Shared& shared() {
  static auto* const memory = static_cast<Shared*>(
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *memory;
}

/// A process that has the CPU `cpu` for itself, for a second at most; -1: it may not.
inline pid_t occupy(size_t cpu) {
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

inline void free_cpu(pid_t occupier) {
  shared().stop = 1;
  ::waitpid(occupier, nullptr, 0);
}

class OffCpuTest : public ::testing::Test {
 protected:
  /// False: skipped, with the reason.
  bool open(uint64_t threshold_ns, bool wakers,
            uint32_t stacks_per_second = probes::OffCpuProbeSettings().stacks_per_second) {
    probes::OffCpuProbeSettings settings;
    settings.threshold_ns = threshold_ns;
    settings.stacks_per_second = stacks_per_second;
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

  std::unique_ptr<Profiled> profiled_;
  std::string why_not_;
  cpu_set_t cpus_{};
  int gate_[2] = {-1, -1};
  uint64_t went_ns_ = 0;  ///< when go() was called
};

}  // namespace hostlens::testing
