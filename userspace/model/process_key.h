// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace hostlens::model {

/// Identity of a process: a pid alone is reused by the kernel. `pid` is the thread group id in the
/// initial pid namespace; `start_ticks` is field 22 of /proc/PID/stat (clock ticks since boot, 100
/// per second), which equals the task's start_boottime in nanoseconds / 10,000,000.
struct ProcessKey {
  uint32_t pid = 0;
  uint64_t start_ticks = 0;
  auto operator<=>(const ProcessKey&) const = default;
};

}  // namespace hostlens::model

template <>
struct std::hash<hostlens::model::ProcessKey> {
  size_t operator()(const hostlens::model::ProcessKey& key) const noexcept {
    return (key.start_ticks * 0x9E3779B97F4A7C15ULL) ^ key.pid;
  }
};
