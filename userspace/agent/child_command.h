// SPDX-License-Identifier: Apache-2.0
// The command of `hostlens run`: started, but held back until it is watched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// Standard streams, working directory, environment and process group are ours, so a terminal's
/// signals reach it as if it had been started alone; so are limits, but the one that we raise. It
/// dies unexecuted when we die before `release`; later it is left alone.
class ChildCommand {
 public:
  /// `open_files`: its soft limit, that from before base::raise_open_files_limit.
  [[nodiscard]] static base::Result<std::unique_ptr<ChildCommand>> start_held(
      std::vector<std::string> arguments, uint64_t open_files);
  /// Ends a command that was never released.
  ~ChildCommand();
  ChildCommand(const ChildCommand&) = delete;
  ChildCommand& operator=(const ChildCommand&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  /// Executes the command. The error has errno_value set; see `exit_code_of_failed_exec`.
  [[nodiscard]] base::Result<void> release();
  /// Hands a signal on that we got. `from_terminal`: the kernel sent it to the terminal's whole
  /// foreground group, then the command has it already unless it left our group.
  void forward(int signal_number, bool from_terminal) const;
  void kill_now() const;
  /// How the shell would report its end; nullopt while it runs.
  [[nodiscard]] std::optional<int> exit_code();

 private:
  ChildCommand(std::string name, pid_t pid, base::UniqueFd pidfd, base::UniqueFd gate,
               base::UniqueFd failure);

  std::string name_;
  pid_t pid_;
  base::UniqueFd pidfd_;
  base::UniqueFd gate_;     ///< one byte lets it go
  base::UniqueFd failure_;  ///< errno of exec, or its end when exec worked
  std::optional<int> exit_code_;
  bool released_ = false;
};

/// 127 when there is no such command, 126 when it cannot be executed.
[[nodiscard]] int exit_code_of_failed_exec(int errno_value);

}  // namespace hostlens::agent
