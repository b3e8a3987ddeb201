// SPDX-License-Identifier: Apache-2.0
#include "discovery/answer_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"

namespace hostlens::discovery {

using base::Error;
using base::Result;

AnswerStream::AnswerStream(base::UniqueFd stream, uint64_t patience_ns)
    : stream_(std::move(stream)), deadline_ns_(base::monotonic_now_ns() + patience_ns) {}

Result<std::string_view> AnswerStream::next() {
  for (;;) {
    const uint64_t now_ns = base::monotonic_now_ns();
    pollfd ready{stream_.get(), POLLIN, 0};
    const int wait_ms =
        now_ns < deadline_ns_ ? static_cast<int>((deadline_ns_ - now_ns) / 1'000'000 + 1) : 0;
    if (now_ns >= deadline_ns_ || ::poll(&ready, 1, wait_ms) == 0) {
      return Error{Error::Kind::kBusy, 0, "read containers: no answer in time", {}};
    }
    const ssize_t got = ::recv(stream_.get(), block_.data(), block_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return base::errno_error("read containers");
    taken_ += static_cast<size_t>(got);
    if (taken_ > kMaxContainerListBytes) {
      return base::invalid_error("read containers: the answer is too long");
    }
    return std::string_view(block_.data(), static_cast<size_t>(got));
  }
}

}  // namespace hostlens::discovery
