// SPDX-License-Identifier: Apache-2.0
// What the supervisor holds of the kernel, as seen by the rest of agent/: so that life cycle, run
// mode and reload are testable without BPF.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "kernel/code_files.h"
#include "kernel/host_access.h"
#include "kernel/process_memory.h"
#include "kernel/slab_source.h"
#include "probes/burst_schedule.h"
#include "probes/profile_probes.h"
#include "probes/signal_tables.h"

namespace hostlens::agent {

struct CaptureSettings {
  uint64_t control_ring_bytes = 0;
  uint64_t data_ring_bytes = 0;
  /// exec and exit of every process (target rules need them); else of targets alone.
  bool report_all_processes = true;
  probes::BurstSettings system_calls;
  std::optional<probes::ProfileProbesSettings> profile;  ///< nullopt: nothing is profiled
};

/// Attached probes; everything detaches when it is destroyed or the process ends: nothing is
/// pinned.
class Capture {
 public:
  virtual ~Capture() = default;
  [[nodiscard]] virtual int control_ring_fd() const = 0;
  [[nodiscard]] virtual int data_ring_fd() const = 0;
  [[nodiscard]] virtual int counters_fd() const = 0;  ///< read-only
  /// Tables of kernel signals; owned by this, -1 where there are none.
  [[nodiscard]] virtual probes::SignalTableFds signal_tables() const { return {}; }
  [[nodiscard]] virtual kernel::HostAccess& host() = 0;
  /// What profiles are made of. Descriptors are owned by this, -1 where nothing is sampled.
  struct Profiling {
    probes::ProfileProbe::Maps maps;
    kernel::SlabSource* slabs = nullptr;
    kernel::CodeFiles* code = nullptr;
    kernel::ProcessMemory* memory = nullptr;
  };
  [[nodiscard]] virtual Profiling profiling() { return {}; }
  /// Profiles, once: the first worker is ready to read them, and targets of a recording are set.
  [[nodiscard]] virtual base::Result<void> begin_recording() { return {}; }
  /// A recording of times off CPU, once: what is under way is cut.
  [[nodiscard]] virtual base::Result<void> end_recording() { return {}; }
  /// Once per second.
  virtual void on_second() {}
  /// Each probe with its hook, and why not another one: a JSON object for /api/v1/status and
  /// `doctor`.
  [[nodiscard]] virtual std::string report_json() const = 0;
  /// Events that the kernel did not show to our programs (bpf_prog_info.recursion_misses).
  [[nodiscard]] virtual uint64_t recursion_misses() const { return 0; }
  /// Begins and ends what is observed in bursts, as far as it is due; CLOCK_MONOTONIC. Returns when
  /// the next is; UINT64_MAX: never, until host() was asked to watch.
  [[nodiscard]] virtual uint64_t tick_bursts(uint64_t /*now_ns*/) { return UINT64_MAX; }
};

/// kDenied: a privilege is missing; kUnsupported: this kernel cannot. Both with their remedy.
using CaptureFactory =
    std::function<base::Result<std::unique_ptr<Capture>>(const CaptureSettings&)>;

}  // namespace hostlens::agent
