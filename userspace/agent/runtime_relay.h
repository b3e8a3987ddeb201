// SPDX-License-Identifier: Apache-2.0
// Lets the worker read the list of containers and nothing else: whoever can talk to a container
// runtime's socket owns the host.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "agent/runtime_sockets.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// One runtime. Connects, asks one fixed question and copies the answer to a socket whose other end
/// is the worker's, until either side closes. What the worker writes goes nowhere; what the runtime
/// answers is not looked at here. One question at a time, on a thread.
///
/// Docker and Podman answer GET /containers/json alike. gRPC would be a dialogue in HTTP/2, but a
/// client may say everything at once (discovery::cri_question()), so the same copying serves it: a
/// library that reads the answer here would parse what a stranger wrote with root's powers.
class RuntimeRelay {
 public:
  static constexpr uint64_t kMaxBytes = 16U << 20U;
  static constexpr uint64_t kPatienceNs = 5'000'000'000;

  explicit RuntimeRelay(RuntimeSocket socket) : socket_(std::move(socket)) {}
  /// Waits for the thread, which notices at once.
  ~RuntimeRelay();
  RuntimeRelay(const RuntimeRelay&) = delete;
  RuntimeRelay& operator=(const RuntimeRelay&) = delete;

  /// The stream of the answer, headers and all; it ends when the runtime closes its connection,
  /// after kMaxBytes or after kPatienceNs. kNotFound: no runtime there; kBusy: the question before
  /// is not answered yet.
  [[nodiscard]] base::Result<base::UniqueFd> ask();

 private:
  void copy(base::UniqueFd from, base::UniqueFd to);

  RuntimeSocket socket_;
  base::UniqueFd wake_;
  std::atomic<bool> busy_{false};
  std::thread thread_;
};

}  // namespace hostlens::agent
