// SPDX-License-Identifier: Apache-2.0
#include "scrapers/cpu_scraper.h"

#include <set>
#include <string>
#include <utility>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

constexpr size_t kMaxStatBytes = 4 * 1024 * 1024;  ///< 4096 CPUs and the intr line
constexpr uint64_t kHotplugSeconds = 3;            ///< a fall of more is no rounding
constexpr uint32_t kAllCpus = UINT32_MAX;

std::string cpu_path(uint32_t cpu, std::string_view rest) {
  return "devices/system/cpu/cpu" + std::to_string(cpu) + "/" + std::string(rest);
}

/// Distinct (package, core) pairs; nullopt where the kernel tells no topology.
std::optional<uint64_t> count_cores(Scrape& run, const KernelStat& stat) {
  std::set<std::pair<uint64_t, uint64_t>> cores;
  for (const CpuLine& cpu : stat.cpus) {
    const auto package = run.sys_number(cpu_path(*cpu.number, "topology/physical_package_id"));
    const auto core = run.sys_number(cpu_path(*cpu.number, "topology/core_id"));
    if (!package || !core) return std::nullopt;
    cores.emplace(*package, *core);
  }
  return cores.size();
}

}  // namespace

std::optional<CpuLine> parse_cpu_line(std::string_view line) {
  std::string_view label = next_word(line);
  if (!label.starts_with("cpu")) return std::nullopt;
  label.remove_prefix(3);
  CpuLine cpu;
  if (!label.empty()) {
    cpu.number = to_number<uint32_t>(label);
    if (!cpu.number) return std::nullopt;
  }
  for (size_t i = 0; i < cpu.ticks.size(); ++i) {
    const std::string_view word = next_word(line);
    if (word.empty() && i >= 4) break;
    const auto ticks = to_number(word);
    if (!ticks) return std::nullopt;
    cpu.ticks[i] = *ticks;
  }
  return cpu;
}

KernelStat parse_kernel_stat(std::string_view text) {
  KernelStat stat;
  bool any_total = false;
  while (auto line = next_line(text)) {
    if (line->starts_with("cpu")) {
      const auto cpu = parse_cpu_line(*line);
      if (!cpu) continue;
      if (!cpu->number) {
        stat.total = cpu->ticks;
        any_total = true;
      } else if (stat.cpus.size() < kMaxCpus) {
        stat.cpus.push_back(*cpu);
      }
      continue;
    }
    const std::string_view key = next_word(*line);
    if (key == "intr") {
      stat.interrupts = next_number(*line);
      stat.whole = any_total && !stat.cpus.empty();
    }
    if (key == "ctxt") stat.context_switches = next_number(*line);
    if (key == "processes") stat.processes_created = next_number(*line);
    if (key == "procs_running") stat.running = next_number(*line);
    if (key == "procs_blocked") stat.blocked = next_number(*line);
  }
  return stat;
}

void CpuScraper::scrape(Scrape& run) noexcept {
  const auto text = run.proc("stat", Presence::kRequired, kMaxStatBytes);
  if (!text) return;
  const KernelStat stat = parse_kernel_stat(*text);
  if (!stat.whole) run.error(Reason::kGarbage);
  if (stat.whole) {
    add_times(run, stat);
    if (counted_cpus_ != stat.cpus.size()) {
      cores_ = count_cores(run, stat);
      counted_cpus_ = stat.cpus.size();
    }
  }
  add_counts(run, stat);
  add_frequencies(run, stat);
}

CpuTicks CpuScraper::held(uint32_t cpu, const CpuTicks& ticks, uint64_t ticks_per_second) {
  CpuTicks& last = last_[cpu];
  for (size_t i = 0; i < ticks.size(); ++i) {
    const bool small_fall =
        ticks[i] < last[i] && last[i] - ticks[i] <= kHotplugSeconds * ticks_per_second;
    if (!small_fall) last[i] = ticks[i];
  }
  return last;
}

void CpuScraper::add_times(Scrape& run, const KernelStat& stat) {
  const auto second = static_cast<double>(run.units().ticks_per_second);
  run.list().add({"system.cpu.time", "Time that each logical CPU spent in each mode.", "s",
                  MetricKind::kCounter},
                 [&](model::MetricFamily& family) {
                   const auto add = [&](const CpuTicks& ticks, std::optional<uint32_t> number) {
                     for (size_t mode = 0; mode < ticks.size(); ++mode) {
                       model::Attributes labels = attributes({{"cpu.mode", kCpuModes[mode]}});
                       if (number) aggregators::put(labels, "cpu.logical_number", int64_t{*number});
                       run.point(family, std::move(labels),
                                 static_cast<double>(ticks[mode]) / second);
                     }
                   };
                   if (stat.cpus.size() > kMaxCpuSeries) {
                     add(held(kAllCpus, stat.total, run.units().ticks_per_second), std::nullopt);
                     return;
                   }
                   for (const CpuLine& cpu : stat.cpus) {
                     add(held(*cpu.number, cpu.ticks, run.units().ticks_per_second), cpu.number);
                   }
                 });
}

void CpuScraper::add_counts(Scrape& run, const KernelStat& stat) {
  const auto cpus = stat.whole ? std::optional<uint64_t>(stat.cpus.size()) : std::nullopt;
  run.one({"system.cpu.logical.count", "Logical CPUs that are online.", "{cpu}",
           MetricKind::kUpDownCounter},
          cpus);
  run.one({"system.cpu.physical.count", "Physical cores that are online.", "{cpu}",
           MetricKind::kUpDownCounter},
          stat.whole ? cores_ : std::nullopt);
  run.one({"system.process.created", "Processes and threads created since boot.", "{process}",
           MetricKind::kCounter},
          stat.processes_created);
  run.one({"hostlens.cpu.context_switches", "Context switches of all CPUs.", "{context_switch}",
           MetricKind::kCounter},
          stat.context_switches);
  run.one({"hostlens.cpu.interrupts", "Hardware interrupts served.", "{interrupt}",
           MetricKind::kCounter},
          stat.interrupts);
  run.one({"hostlens.thread.runnable", "Threads that run or could run now.", "{thread}",
           MetricKind::kGauge},
          stat.running);
  run.one({"hostlens.thread.io_blocked", "Threads that wait for block I/O now.", "{thread}",
           MetricKind::kGauge},
          stat.blocked);
}

void CpuScraper::add_frequencies(Scrape& run, const KernelStat& stat) {
  if (stat.cpus.empty() || stat.cpus.size() > kMaxCpuSeries) return;
  run.list().add(
      {"system.cpu.frequency", "Frequency that a logical CPU runs at.", "Hz", MetricKind::kGauge},
      [&](model::MetricFamily& family) {
        for (const CpuLine& cpu : stat.cpus) {
          const auto khz = run.sys_number(cpu_path(*cpu.number, "cpufreq/scaling_cur_freq"));
          if (!khz) break;  // no frequency driver: ask no other CPU
          model::Attributes labels;
          aggregators::put(labels, "cpu.logical_number", int64_t{*cpu.number});
          run.point(family, std::move(labels), *khz * 1000);
        }
      });
}

}  // namespace hostlens::scrapers
