// SPDX-License-Identifier: Apache-2.0
// Every threshold with its default; packaging/README.md says what each means. The defaults are
// those that a healthy host does not cross and a person would want to be called for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hostlens::health {

/// From where on a value is bad. `failing` below `degraded`: low values are bad.
struct Levels {
  double degraded = 0;
  double failing = 0;
  bool operator==(const Levels&) const = default;
};

struct HealthSettings {
  std::vector<std::string> off;  ///< signals that are not judged

  /// A state gets worse when the value was beyond the threshold for `hold_ns`, and better when it
  /// was back, by a tenth of the threshold, for `recovery_ns`. Together with the window below and
  /// an interval of 10 s: bad within 60 s of the cause, well within 120 s of its end.
  uint64_t hold_ns = 10'000'000'000;
  uint64_t recovery_ns = 20'000'000'000;
  /// Services that nothing was heard of for so long, and are down, are forgotten.
  uint64_t forget_ns = 3'600'000'000'000;
  uint64_t window_ns = 30'000'000'000;  ///< over which ratios and latencies of requests are taken
  uint64_t requests = 10;               ///< fewer: over twice the window

  Levels error_ratio{0.05, 0.25};
  Levels latency{2, 5};         ///< times the baseline
  double latency_floor = 0.01;  ///< seconds above the baseline that it takes at least
  uint64_t latency_relearn_ns = 3'600'000'000'000;  ///< bad for so long: it is the new normal
  Levels restarts{2, 5};
  uint64_t restarts_window_ns = 600'000'000'000;
  Levels cpu_throttling{0.25, 0.75};  ///< of the periods
  Levels runqueue{0.02, 0.1};         ///< seconds, 95th percentile
  Levels file_descriptors{0.8, 0.95};
  Levels threads{0.8, 0.95};
  Levels memory{0.9, 0.97};
  Levels accept_queue{0.8, 1};      ///< of the listener's backlog
  Levels accept_overflows{1, 100};  ///< a minute
  Levels dependency{0.1, 0.5};      ///< of requests or connects
  Levels certificate_days{21, 7};
  Levels disk_space{0.9, 0.97};
  Levels inodes{0.9, 0.97};
  Levels time_left{24 * 3600.0, 4 * 3600.0};  ///< seconds until full, by trend
  Levels memory_pressure{0.05, 0.2};          ///< share of time in which all tasks stood still
  Levels memory_available{0.05, 0.02};
  Levels oom{1, 3};  ///< kills
  uint64_t oom_window_ns = 300'000'000'000;
  Levels clock_offset{0.1, 1};  ///< seconds
  Levels units{1, 3};           ///< failed ones
  Levels conntrack{0.8, 0.95};
  Levels agent_loss{0.01, 0.1};
  bool operator==(const HealthSettings&) const = default;
};

/// What is remembered at most.
struct HealthBounds {
  size_t services = 200;
  size_t dependencies = 16;  ///< of one service
  size_t subjects = 64;      ///< of one signal: file systems, listeners, units, checks
  size_t series = 20'000;    ///< whose counts are followed
};

}  // namespace hostlens::health
