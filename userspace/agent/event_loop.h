// SPDX-License-Identifier: Apache-2.0
// One thread's descriptors and timers over epoll: the shape of both processes' main loops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

class EventLoop;

/// A timerfd in a loop. Must not outlive the loop.
class Timer {
 public:
  Timer(EventLoop& loop, base::UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void once(uint64_t after_ns) { set(after_ns, 0); }
  void every(uint64_t period_ns) { set(period_ns, period_ns); }
  void cancel() { set(0, 0); }

 private:
  void set(uint64_t first_ns, uint64_t period_ns);

  EventLoop& loop_;
  base::UniqueFd fd_;
};

/// Callbacks run on the thread of `run`, may watch, forget and stop, also themselves. Not
/// thread-safe.
class EventLoop {
 public:
  using Callback = std::function<void()>;

  [[nodiscard]] static base::Result<std::unique_ptr<EventLoop>> create();

  /// Calls while `fd`, which it does not own, is readable (or at its end). Forget it before it is
  /// closed.
  [[nodiscard]] base::Result<void> watch(int fd, Callback on_readable);
  void forget(int fd);
  /// A timer that is not running yet.
  [[nodiscard]] base::Result<std::unique_ptr<Timer>> timer(Callback on_expiry);

  /// Until `stop`.
  void run();
  void stop() { stopped_ = true; }

 private:
  explicit EventLoop(base::UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void dispatch(uint64_t token);

  struct Watch {
    int fd;
    std::shared_ptr<Callback> callback;
  };
  base::UniqueFd epoll_;
  /// By token, not by descriptor: a number that was closed and reused within one round of events
  /// must not get its predecessor's event.
  std::unordered_map<uint64_t, Watch> watches_;
  uint64_t next_token_ = 1;
  bool stopped_ = false;
};

}  // namespace hostlens::agent
