// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "health/rules.h"

namespace hostlens::health {

std::span<const ServiceRule> service_rules() {
  static constexpr std::array kRules = {
      ServiceRule{SignalId::kUp, find_up},
      ServiceRule{SignalId::kRestarts, find_restarts},
      ServiceRule{SignalId::kErrorRatio, find_error_ratio},
      ServiceRule{SignalId::kLatency, find_latency},
      ServiceRule{SignalId::kDependency, find_dependency},
      ServiceRule{SignalId::kCpuThrottling, find_cpu_throttling},
      ServiceRule{SignalId::kRunqueue, find_runqueue},
      ServiceRule{SignalId::kFileDescriptors, find_file_descriptors},
      ServiceRule{SignalId::kThreads, find_threads},
      ServiceRule{SignalId::kMemory, find_memory},
      ServiceRule{SignalId::kAcceptQueue, find_accept_queue},
      ServiceRule{SignalId::kOom, find_oom},
  };
  return kRules;
}

}  // namespace hostlens::health
