// SPDX-License-Identifier: Apache-2.0
// From hooks that were tried to signals that are there: what `doctor` and the status page tell.
#pragma once

#include <string>
#include <vector>

#include "kernel/attach_report.h"

namespace hostlens::agent {

struct SignalState {
  std::string name;    ///< of the metric, or what the socket probe calls it
  std::string state;   ///< "active", "off" (by configuration), "unavailable"
  std::string hook;    ///< those that serve it; of an unavailable one, those that were tried
  std::string reason;  ///< why it is unavailable
  std::string remedy;  ///< what the operator can do, when something is known
};

/// Sorted by name. A signal that needs several probes is active when each has a hook for it; of
/// several ways to hook in one probe, one is enough.
[[nodiscard]] std::vector<SignalState> signal_states(const kernel::AttachReport& report);

/// Metrics that are not there at all: no part ("hostlens.fsync.duration,
/// of xfs") is active, under the metric's bare name.
[[nodiscard]] std::vector<SignalState> unavailable_metrics(const kernel::AttachReport& report);

}  // namespace hostlens::agent
