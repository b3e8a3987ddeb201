// SPDX-License-Identifier: Apache-2.0
// A packet socket that carries messages and descriptors between supervisor and worker.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "agent/messages.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

struct Received {
  Message message;
  std::vector<base::UniqueFd> fds;  ///< exactly fd_count(message)
};

/// One end of an AF_UNIX SOCK_SEQPACKET pair: packets keep their borders, so a message is whole or
/// not there. Never blocks on sending. One thread.
class Channel {
 public:
  explicit Channel(base::UniqueFd fd) : fd_(std::move(fd)) {}

  /// Both ends close-on-exec.
  [[nodiscard]] static base::Result<std::pair<Channel, Channel>> pair();

  /// kBusy when the peer does not read. `fds` are duplicated into the peer, the caller keeps its
  /// own.
  [[nodiscard]] base::Result<void> send(const Message& message,
                                        std::span<const int> fds = {}) const;

  /// nullopt: nothing there now (or within `timeout_ms`; -1 waits). kNotFound: the peer is gone.
  /// kInvalid: it sent something that is no message; the channel must not be used further.
  [[nodiscard]] base::Result<std::optional<Received>> receive(int timeout_ms = 0) const;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] base::UniqueFd release() { return std::move(fd_); }
  void close() { fd_.reset(); }

 private:
  base::UniqueFd fd_;
};

}  // namespace hostlens::agent
