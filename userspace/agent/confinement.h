// SPDX-License-Identifier: Apache-2.0
// How the worker loses its privileges. Runs between fork and exec, so nothing here allocates.
#pragma once

#include <sys/types.h>

namespace hostlens::agent {

/// Whom to become; `change` is false when we are not root and stay who we are.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  bool change = false;
};

/// Own session, no supplementary groups, no capability in any set, no way to gain one, killed with
/// its parent `supervisor`. Async-signal-safe. Returns nullptr, or the name of the step that failed
/// (errno is set).
[[nodiscard]] const char* confine(const Identity& identity, pid_t supervisor);

/// After exec, in the worker itself: not dumpable, hence not traceable by its own uid; bounded heap
/// arenas.
void confine_after_exec();

}  // namespace hostlens::agent
