// SPDX-License-Identifier: Apache-2.0
// A process that the kernel killed for want of memory, and what was known at that moment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/service.h"

namespace hostlens::model {

/// Texts are what processes and cgroups call themselves: at most 64 bytes, in any characters.
struct OomKill {
  std::shared_ptr<const Service> service;  ///< the victim's; null: not known
  uint64_t time_ns = 0;                    ///< CLOCK_MONOTONIC
  std::string victim;                      ///< "" before Linux 6.9, unless it asked itself
  uint32_t victim_pid = 0;
  std::string asker;  ///< whose wish for memory could not be met
  uint32_t asker_pid = 0;
  std::string cgroup;        ///< the last part of its path
  uint64_t limit_bytes = 0;  ///< of that cgroup; 0: the host, or one that is not known, was full
  uint64_t used_bytes = 0;   ///< by that cgroup
  uint64_t anonymous_bytes = 0, file_bytes = 0, shared_bytes = 0;  ///< of the victim
};

}  // namespace hostlens::model
