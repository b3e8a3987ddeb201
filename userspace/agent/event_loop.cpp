// SPDX-License-Identifier: Apache-2.0
#include "agent/event_loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>

namespace hostlens::agent {
namespace {

timespec to_timespec(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

Timer::~Timer() { loop_.forget(fd_.get()); }

void Timer::set(uint64_t first_ns, uint64_t period_ns) {
  const itimerspec spec{to_timespec(period_ns), to_timespec(first_ns)};
  ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
}

base::Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::errno_error("epoll_create1");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

base::Result<void> EventLoop::watch(int fd, Callback on_readable) {
  const uint64_t token = next_token_++;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return base::errno_error("watch a descriptor");
  }
  watches_[token] = {fd, std::make_shared<Callback>(std::move(on_readable))};
  return {};
}

void EventLoop::forget(int fd) {
  const auto found = std::find_if(watches_.begin(), watches_.end(),
                                  [fd](const auto& entry) { return entry.second.fd == fd; });
  if (found == watches_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(found);
}

base::Result<std::unique_ptr<Timer>> EventLoop::timer(Callback on_expiry) {
  base::UniqueFd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!fd) return base::errno_error("timerfd_create");
  const int raw = fd.get();
  auto watched = watch(raw, [raw, callback = std::move(on_expiry)] {
    uint64_t expirations = 0;
    if (::read(raw, &expirations, sizeof(expirations)) == sizeof(expirations)) callback();
  });
  if (!watched) return std::move(watched).error();
  return std::make_unique<Timer>(*this, std::move(fd));
}

void EventLoop::dispatch(uint64_t token) {
  const auto found = watches_.find(token);
  if (found == watches_.end()) return;
  // Kept alive: the callback may forget itself.
  const std::shared_ptr<Callback> callback = found->second.callback;
  (*callback)();
}

void EventLoop::run() {
  stopped_ = false;
  std::array<epoll_event, 16> events{};
  while (!stopped_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count && !stopped_; ++i) dispatch(events[static_cast<size_t>(i)].data.u64);
  }
}

}  // namespace hostlens::agent
