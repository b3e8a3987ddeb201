// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime_relay.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "discovery/cri_conversation.h"

namespace hostlens::agent {
namespace {

using base::errno_error;
using base::Error;
using base::Result;
using base::UniqueFd;

Result<std::string> question_of(RuntimeApi api) {
  if (api == RuntimeApi::kCri) return discovery::cri_question();
  return std::string("GET /containers/json HTTP/1.0\r\nHost: localhost\r\n\r\n");
}

Result<UniqueFd> connect_to(const RuntimeSocket& runtime) {
  const std::string& path = runtime.path;
  const auto question = question_of(runtime.api);
  if (!question) return question.error();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::invalid_error("\"" + path + "\" is no path of a socket");
  }
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno_error("make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // Nobody listens: the same as no runtime.
    return errno_error("connect to " + path, errno == ECONNREFUSED ? ENOENT : errno);
  }
  // A fresh socket has room for it.
  if (::send(socket.get(), question->data(), question->size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question->size())) {
    return errno_error("ask " + path);
  }
  return socket;
}

/// Until `fd` is ready; false: woken, out of time, or the worker has closed its end.
bool wait_for(int fd, short events, int worker, int wake, uint64_t deadline_ns) {
  for (;;) {
    const uint64_t now_ns = base::monotonic_now_ns();
    if (now_ns >= deadline_ns) return false;
    pollfd ready[3] = {{fd, events, 0}, {wake, POLLIN, 0}, {worker, 0, 0}};
    const int count = ::poll(ready, 3, static_cast<int>((deadline_ns - now_ns) / 1'000'000 + 1));
    if (count < 0 && errno != EINTR) return false;
    if (ready[1].revents != 0 || ready[2].revents != 0) return false;
    if (ready[0].revents != 0) return true;
  }
}

void copy_answer(int from, int to, int wake, uint64_t deadline_ns) {
  std::array<char, 16384> block;
  uint64_t copied = 0;
  while (copied < RuntimeRelay::kMaxBytes && wait_for(from, POLLIN, to, wake, deadline_ns)) {
    const ssize_t got = ::recv(from, block.data(), block.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return;
    std::string_view left(block.data(), static_cast<size_t>(got));
    copied += left.size();
    while (!left.empty()) {
      const ssize_t sent = ::send(to, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return;
      if (sent > 0) left.remove_prefix(static_cast<size_t>(sent));
      if (!left.empty() && !wait_for(to, POLLOUT, to, wake, deadline_ns)) return;
    }
  }
}

}  // namespace

RuntimeRelay::~RuntimeRelay() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

Result<UniqueFd> RuntimeRelay::ask() {
  if (busy_.load()) return errno_error("ask a container runtime", EBUSY);
  if (thread_.joinable()) thread_.join();
  if (!wake_) wake_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!wake_) return errno_error("make an event");
  auto from = connect_to(socket_);
  if (!from) return std::move(from).error();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return errno_error("make a pair of sockets");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  busy_.store(true);
  thread_ = std::thread([this, source = *std::move(from), sink = std::move(ours)]() mutable {
    copy(std::move(source), std::move(sink));
    busy_.store(false);
  });
  ::pthread_setname_np(thread_.native_handle(), "relay");
  return theirs;
}

void RuntimeRelay::copy(UniqueFd from, UniqueFd to) {
  // Signals are the loop's.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const uint64_t deadline_ns = base::monotonic_now_ns() + kPatienceNs;
  copy_answer(from.get(), to.get(), wake_.get(), deadline_ns);
  from.reset();
  // What the worker wrote lies unread: closing now would reset its connection, answer and all.
  ::shutdown(to.get(), SHUT_WR);
  std::array<char, 4096> ignored;
  while (wait_for(to.get(), POLLIN, to.get(), wake_.get(), deadline_ns)) {
    const ssize_t got = ::recv(to.get(), ignored.data(), ignored.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
  }
}

}  // namespace hostlens::agent
