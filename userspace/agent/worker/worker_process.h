// SPDX-License-Identifier: Apache-2.0
// The process `hostlens worker`: what the supervisor sends decides which worker it is.
#pragma once

#include <array>
#include <vector>

#include "agent/messages.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// `hostlens worker --channel-fd N`: runs until the supervisor says stop or is gone. Returns the
/// exit status of the process (exit_codes.h).
[[nodiscard]] int worker_main(base::UniqueFd channel);

/// Descriptors of a message by their slot; empty ones were not sent.
using SlotFds = std::array<base::UniqueFd, kFdSlots>;
[[nodiscard]] SlotFds by_slot(FdMask mask, std::vector<base::UniqueFd> fds);

/// The agent's, or that of a recording.
class WorkerProcess {
 public:
  virtual ~WorkerProcess() = default;
  /// Says that it is ready; the rest happens in the loop, which it stops at its end.
  [[nodiscard]] virtual base::Result<void> start() = 0;
  [[nodiscard]] virtual int exit_code() const = 0;
};

}  // namespace hostlens::agent
