// SPDX-License-Identifier: Apache-2.0
// A thread of another process that stands still.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace hostlens::tests {

/// By ptrace, wherever it is: it goes on when this ends. Signals that come meanwhile are delivered.
class StoppedThread {
 public:
  /// nullopt: it has ended, or somebody else traces it.
  [[nodiscard]] static std::optional<StoppedThread> stop(pid_t tid);
  StoppedThread(StoppedThread&& other) noexcept
      : tid_(std::exchange(other.tid_, 0)), signal_(other.signal_) {}
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;
  StoppedThread& operator=(StoppedThread&&) = delete;
  ~StoppedThread() { go_on(); }

  void go_on();

 private:
  StoppedThread(pid_t tid, int signal) : tid_(tid), signal_(signal) {}

  pid_t tid_;
  int signal_;  ///< 0: none is on its way
};

struct ThreadId {
  pid_t pid = 0;
  pid_t tid = 0;
  bool runs = false;  ///< on a CPU, or waits for one
};

/// Of a process and its descendants, as they are now.
[[nodiscard]] std::vector<ThreadId> threads_below(pid_t pid);

}  // namespace hostlens::tests
