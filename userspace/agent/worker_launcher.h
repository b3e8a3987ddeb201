// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "agent/channel.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// A child process that somebody must wait for.
struct StartedProcess {
  pid_t pid = -1;
  base::UniqueFd pidfd;  ///< readable when it has ended
};

/// Starts a worker on its end of the channel.
class WorkerLauncher {
 public:
  virtual ~WorkerLauncher() = default;
  virtual base::Result<StartedProcess> launch(const Channel& workers_end) = 0;
};

/// This program once more, as `hostlens worker --channel-fd 3`: own uid, no capability, nothing
/// open but the channel and the standard streams, and gone when the supervisor is.
class ExecWorkerLauncher final : public WorkerLauncher {
 public:
  /// `user`: whom to become when we are root; "nobody" when it does not exist.
  explicit ExecWorkerLauncher(std::string user) : user_(std::move(user)) {}
  base::Result<StartedProcess> launch(const Channel& workers_end) override;

 private:
  std::string user_;
};

inline constexpr int kWorkerChannelFd = 3;

/// pidfd_open(2) of a child.
[[nodiscard]] base::Result<base::UniqueFd> open_pidfd(pid_t pid);

}  // namespace hostlens::agent
