// SPDX-License-Identifier: Apache-2.0
#include "scrapers/cgroup_files.h"
#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

/// v1 writes PAGE_COUNTER_MAX in bytes when there is no limit.
constexpr uint64_t kNoLimitFrom = 1ULL << 62U;

std::optional<uint64_t> times(std::optional<uint64_t> number, uint64_t factor) {
  if (!number || *number > UINT64_MAX / factor) return std::nullopt;
  return *number * factor;
}

std::optional<uint64_t>& at(CgroupReading& reading, CgroupCounter counter) {
  return reading.counters[static_cast<size_t>(counter)];
}

void add_to(std::optional<uint64_t>& sum, std::optional<uint64_t> more) {
  if (more) sum = sum.value_or(0) + *more;
}

void add_io_line_v2(std::string_view line, CgroupReading& reading) {
  while (true) {
    const std::string_view word = next_word(line);
    if (word.empty()) return;
    if (word.starts_with("rbytes=")) {
      add_to(at(reading, CgroupCounter::kReadBytes), to_number(word.substr(7)));
    } else if (word.starts_with("wbytes=")) {
      add_to(at(reading, CgroupCounter::kWrittenBytes), to_number(word.substr(7)));
    }
  }
}

void add_io_line_v1(std::string_view line, CgroupReading& reading) {
  const std::string_view operation = next_word(line);
  const auto bytes = next_number(line);
  if (operation == "Read") add_to(at(reading, CgroupCounter::kReadBytes), bytes);
  if (operation == "Write") add_to(at(reading, CgroupCounter::kWrittenBytes), bytes);
}

}  // namespace

void parse_cpu_stat(std::string_view text, bool v2, CgroupReading& reading) {
  constexpr uint64_t kMicroseconds = 1000;
  while (auto line = next_line(text)) {
    const std::string_view key = next_word(*line);
    const auto number = next_number(*line);
    if (key == "user_usec") at(reading, CgroupCounter::kUserNs) = times(number, kMicroseconds);
    if (key == "system_usec") at(reading, CgroupCounter::kSystemNs) = times(number, kMicroseconds);
    if (key == "nr_periods") at(reading, CgroupCounter::kPeriods) = number;
    if (key == "nr_throttled") at(reading, CgroupCounter::kThrottledPeriods) = number;
    if (key == (v2 ? "throttled_usec" : "throttled_time")) {
      at(reading, CgroupCounter::kThrottledNs) = times(number, v2 ? kMicroseconds : 1);
    }
  }
}

void parse_cpuacct_stat(std::string_view text, uint64_t ticks_per_second, CgroupReading& reading) {
  const uint64_t tick_ns = 1'000'000'000 / ticks_per_second;
  at(reading, CgroupCounter::kUserNs) = times(number_of(text, "user"), tick_ns);
  at(reading, CgroupCounter::kSystemNs) = times(number_of(text, "system"), tick_ns);
}

void parse_memory_stat(std::string_view text, bool v2, CgroupReading& reading) {
  while (auto line = next_line(text)) {
    std::string_view key = next_word(*line);
    // v1: plain names are without the children, total_* with them; v2 has them always.
    if (!v2) {
      if (!key.starts_with("total_")) continue;
      key.remove_prefix(6);
    }
    const auto number = next_number(*line);
    if (key == "inactive_file") reading.memory_inactive_file = number;
    if (key == (v2 ? "anon" : "rss")) reading.memory_anonymous = number;
    if (key == "pgfault") at(reading, CgroupCounter::kFaults) = number;
    if (key == "pgmajfault") at(reading, CgroupCounter::kMajorFaults) = number;
  }
  auto& faults = at(reading, CgroupCounter::kFaults);
  const auto major = at(reading, CgroupCounter::kMajorFaults);
  if (faults && major && *major > *faults) faults.reset();
}

void parse_memory_events(std::string_view text, CgroupReading& reading) {
  at(reading, CgroupCounter::kMemoryHigh) = number_of(text, "high");
  at(reading, CgroupCounter::kMemoryMax) = number_of(text, "max");
  at(reading, CgroupCounter::kMemoryOom) = number_of(text, "oom");
  at(reading, CgroupCounter::kMemoryOomKill) = number_of(text, "oom_kill");
}

void parse_io_stat(std::string_view text, bool v2, const IsStacked& is_stacked,
                   CgroupReading& reading) {
  // A cgroup that did no I/O yet has an empty file.
  add_to(at(reading, CgroupCounter::kReadBytes), 0);
  add_to(at(reading, CgroupCounter::kWrittenBytes), 0);
  while (auto line = next_line(text)) {
    const std::string_view device = next_word(*line);
    if (device.find(':') == std::string_view::npos || is_stacked(device)) continue;
    if (v2) {
      add_io_line_v2(*line, reading);
    } else {
      add_io_line_v1(*line, reading);
    }
  }
  if (text.empty()) return;
  // Cut within a line: a sum of fewer devices would be too small.
  at(reading, CgroupCounter::kReadBytes).reset();
  at(reading, CgroupCounter::kWrittenBytes).reset();
}

std::optional<double> parse_cpu_max(std::string_view text) {
  auto line = next_line(text);
  if (!line) return std::nullopt;
  const auto quota = next_number(*line);  // "max" is none
  const auto period = next_number(*line);
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<uint64_t> parse_limit(std::string_view text) {
  const auto number = only_number(text);
  return number && *number < kNoLimitFrom ? number : std::nullopt;
}

}  // namespace hostlens::scrapers
