// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hostlens::health {

enum class SignalId : uint8_t {
  kUp,
  kRestarts,
  kErrorRatio,
  kLatency,
  kCpuThrottling,
  kRunqueue,
  kFileDescriptors,
  kThreads,
  kMemory,
  kAcceptQueue,
  kDependency,
  kCertificate,
  kDiskSpace,
  kInodes,
  kMemoryPressure,
  kOom,
  kClock,
  kUnits,
  kConntrack,
  kAgentLoss,
  kCheck,
};

/// By SignalId. A check's signal has its name behind the colon.
inline constexpr std::array<std::string_view, 21> kSignalNames = {"up",
                                                                  "restarts",
                                                                  "error_ratio",
                                                                  "latency",
                                                                  "cpu_throttling",
                                                                  "runqueue",
                                                                  "file_descriptors",
                                                                  "threads",
                                                                  "memory",
                                                                  "accept_queue",
                                                                  "dependency",
                                                                  "certificate",
                                                                  "disk_space",
                                                                  "inodes",
                                                                  "memory_pressure",
                                                                  "oom",
                                                                  "clock",
                                                                  "units",
                                                                  "conntrack",
                                                                  "agent_loss",
                                                                  "check:"};

[[nodiscard]] constexpr std::string_view name_of(SignalId id) {
  return kSignalNames[static_cast<size_t>(id)];
}

}  // namespace hostlens::health
