// SPDX-License-Identifier: Apache-2.0
// The files of one cgroup (kernel documentation: admin-guide/cgroup-v2 and cgroup-v1/*).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "scrapers/cgroup_paths.h"
#include "scrapers/growing_sums.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// What of a cgroup only grows.
enum class CgroupCounter : uint8_t {
  kUserNs,
  kSystemNs,
  kPeriods,           ///< in which a CPU quota was enforced
  kThrottledPeriods,  ///< in which it ran out
  kThrottledNs,
  kFaults,
  kMajorFaults,
  kReadBytes,
  kWrittenBytes,
  kMemoryHigh,  ///< times that usage came above memory.high
  kMemoryMax,   ///< times that the limit was about to be passed
  kMemoryOom,
  kMemoryOomKill,
  kPressureUs,  ///< cpu some, cpu full, memory some, memory full, io some, io full
};
inline constexpr size_t kCgroupPressures = 6;
inline constexpr size_t kCgroupCounters =
    static_cast<size_t>(CgroupCounter::kPressureUs) + kCgroupPressures;

/// Limits are absent when there is none.
struct CgroupLimits {
  std::optional<double> cpus;
  std::optional<uint64_t> memory_bytes, processes;
};

struct CgroupReading {
  Readings<kCgroupCounters> counters;
  std::optional<uint64_t> memory_bytes, memory_inactive_file, memory_anonymous;
  std::optional<uint64_t> processes;  ///< threads, in truth: what the pids controller counts
};

/// "254:0": whether what goes through that device is counted again at a disk below it.
using IsStacked = std::function<bool(std::string_view)>;

void parse_cpu_stat(std::string_view text, bool v2, CgroupReading& reading);
/// cpuacct.stat of v1 in ticks.
void parse_cpuacct_stat(std::string_view text, uint64_t ticks_per_second, CgroupReading& reading);
void parse_memory_stat(std::string_view text, bool v2, CgroupReading& reading);
void parse_memory_events(std::string_view text, CgroupReading& reading);
void parse_io_stat(std::string_view text, bool v2, const IsStacked& is_stacked,
                   CgroupReading& reading);
/// cpu.max of v2: "50000 100000" -> 0.5.
[[nodiscard]] std::optional<double> parse_cpu_max(std::string_view text);
/// "max" and, in v1, a number near 2^63 are no limit.
[[nodiscard]] std::optional<uint64_t> parse_limit(std::string_view text);

/// Files that a cgroup lacks are absent: controllers differ.
[[nodiscard]] CgroupReading read_cgroup(Scrape& run, const CgroupDirectories& directories,
                                        const IsStacked& is_stacked);
[[nodiscard]] CgroupLimits read_cgroup_limits(Scrape& run, const CgroupDirectories& directories);

}  // namespace hostlens::scrapers
