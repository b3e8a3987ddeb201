// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aggregators/family_list.h"
#include "base/ledger.h"

namespace hostlens::aggregators {

/// What the agent knows of itself; read by the worker just before a snapshot. Totals never go back
/// during the life of the process that keeps them.
struct AgentSample {
  const base::Ledger* ledger = nullptr;  ///< hostlens.records, hostlens.records.held
  struct ProcessUse {
    std::string role;  ///< "supervisor", "worker"
    double cpu_seconds = 0;
    uint64_t resident_bytes = 0;
  };
  std::vector<ProcessUse> processes;
  uint64_t worker_restarts = 0;
  uint64_t targets = 0;  ///< processes that are targets now
  uint64_t ring_pending_bytes_control = 0, ring_pending_bytes_data = 0;
  uint64_t control_records_lost = 0, length_only_records = 0, recursion_misses = 0;
  uint64_t correlation_ambiguous = 0, correlation_late = 0, route_overflows = 0,
           connections_evicted = 0, connections_tracked = 0;
  std::string version, socket_variant;
  /// Books of kernel signals: totals since the probes were loaded. `signals` false: there are none.
  bool signals = false;
  uint64_t signals_observed = 0;
  uint64_t signals_lost = 0;       ///< of these: no room or memory for their key
  uint64_t signals_merged = 0;     ///< of these: counted under "other" for the same reason
  uint64_t signals_estimated = 0;  ///< besides: not made, one that was made stands for them
  uint64_t signals_unknown_thread = 0, signals_unseen_switch = 0;
  uint64_t signals_untracked = 0;
  uint64_t signals_untimed_accept = 0;
  std::vector<FamilyLoad> loads;  ///< of families that are made elsewhere
};

}  // namespace hostlens::aggregators
