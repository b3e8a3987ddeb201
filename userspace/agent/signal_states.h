// SPDX-License-Identifier: Apache-2.0
// From hooks that were tried to signals that are there: what `doctor` and the status page tell.
#pragma once

#include <string>
#include <vector>

#include "agent/configuration.h"
#include "kernel/attach_report.h"

namespace hostlens::agent {

struct SignalState {
  std::string name;    ///< of the metric, or what the socket probe calls it
  std::string state;   ///< "active", "off" (by configuration), "unavailable"
  std::string hook;    ///< those that serve it; of an unavailable one, those that were tried
  std::string reason;  ///< why it is unavailable
  std::string remedy;  ///< what the operator can do, when something is known
  /// Where some of it may be there and some not: "of ext4", "of xfs"; the rest of it is named "".
  std::vector<SignalState> parts;
};

/// Sorted by name. A signal that needs several probes is active when each has a hook for it; of
/// several ways to hook in one probe, one is enough; of several parts, one is.
[[nodiscard]] std::vector<SignalState> signal_states(const kernel::AttachReport& report);

/// Signals that are there but not asked for: "off", with the key that says so.
void mark_switched_off(std::vector<SignalState>& states, const Configuration& configuration);

}  // namespace hostlens::agent
