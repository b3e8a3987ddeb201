// SPDX-License-Identifier: Apache-2.0
// /proc/stat and CPU frequency: system.cpu.*, and what of the scheduler is counted there.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Columns of a cpu line that are reported; guest time is part of user and nice.
inline constexpr std::array<std::string_view, 8> kCpuModes = {
    "user", "nice", "system", "idle", "iowait", "interrupt", "softirq", "steal"};
using CpuTicks = std::array<uint64_t, kCpuModes.size()>;

struct CpuLine {
  std::optional<uint32_t> number;  ///< nullopt: the sum of all
  CpuTicks ticks{};
};
/// proc(5), /proc/stat. Columns that an old kernel lacks are 0.
[[nodiscard]] std::optional<CpuLine> parse_cpu_line(std::string_view line);

struct KernelStat {
  std::vector<CpuLine> cpus;  ///< without the sum; at most kMaxCpus
  CpuTicks total{};
  bool whole = false;  ///< every CPU was seen: the line behind them was
  std::optional<uint64_t> context_switches, interrupts, processes_created, running, blocked;
};
inline constexpr size_t kMaxCpus = 4096;
[[nodiscard]] KernelStat parse_kernel_stat(std::string_view text);

/// Beyond so many CPUs times are told of their sum alone.
inline constexpr size_t kMaxCpuSeries = 128;

class CpuScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "cpu"; }
  void scrape(Scrape& run) noexcept override;

 private:
  void add_times(Scrape& run, const KernelStat& stat);
  void add_counts(Scrape& run, const KernelStat& stat);
  static void add_frequencies(Scrape& run, const KernelStat& stat);
  /// The kernel computes idle and iowait anew at each read and they may fall back a little: held.
  /// A long way back is a CPU that was taken away and came again.
  CpuTicks held(uint32_t cpu, const CpuTicks& ticks, uint64_t ticks_per_second);

  std::map<uint32_t, CpuTicks> last_;
  size_t counted_cpus_ = 0;  ///< logical CPUs when cores were counted
  std::optional<uint64_t> cores_;
};

}  // namespace hostlens::scrapers
