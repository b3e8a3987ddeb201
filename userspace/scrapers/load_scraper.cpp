// SPDX-License-Identifier: Apache-2.0
#include "scrapers/load_scraper.h"

#include <algorithm>
#include <cmath>

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;

std::optional<double> next_amount(std::string_view& line) {
  const auto number = next_number<double>(line);
  return number && std::isfinite(*number) && *number >= 0 ? number : std::nullopt;
}

void add_load(Scrape& run, const LoadAverage& load) {
  constexpr auto kGauge = MetricKind::kGauge;
  const auto average = [&](size_t i) { return std::optional<double>(load.minutes[i]); };
  // The conventions name no load; these are the OpenTelemetry Collector's names.
  run.one({"system.cpu.load_average.1m", "Average load over 1 minute.", "{thread}", kGauge},
          average(0));
  run.one({"system.cpu.load_average.5m", "Average load over 5 minutes.", "{thread}", kGauge},
          average(1));
  run.one({"system.cpu.load_average.15m", "Average load over 15 minutes.", "{thread}", kGauge},
          average(2));
  run.one({"hostlens.threads", "Threads that exist.", "{thread}", kGauge},
          std::optional<uint64_t>(load.threads));
}

void add_limits(Scrape& run) {
  constexpr auto kUpDown = MetricKind::kUpDownCounter;
  const auto pids = run.proc_number("sys/kernel/pid_max", Presence::kRequired);
  const auto threads = run.proc_number("sys/kernel/threads-max", Presence::kRequired);
  if (pids && threads) {
    run.one({"system.process.limit", "Threads that may exist: pid_max or threads-max.", "{thread}",
             kUpDown},
            std::optional<uint64_t>(std::min(*pids, *threads)));
  }
  const auto text = run.proc("sys/fs/file-nr");
  if (!text) return;
  const auto handles = parse_file_handles(*text);
  if (!handles) return run.error(Reason::kGarbage);
  run.one({"hostlens.file_handles", "File handles in use.", "{file_handle}", kUpDown},
          std::optional<uint64_t>(handles->used));
  run.one(
      {"hostlens.file_handle.limit", "File handles that may be in use.", "{file_handle}", kUpDown},
      std::optional<uint64_t>(handles->limit));
}

}  // namespace

std::optional<LoadAverage> parse_loadavg(std::string_view text) {
  auto line = next_line(text);
  if (!line) return std::nullopt;
  LoadAverage load;
  for (double& minutes : load.minutes) {
    const auto average = next_amount(*line);
    if (!average) return std::nullopt;
    minutes = *average;
  }
  std::string_view entities = next_word(*line);  // "5/123": runnable, existing
  const size_t slash = entities.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto threads = to_number(entities.substr(slash + 1));
  if (!threads) return std::nullopt;
  load.threads = *threads;
  return load;
}

std::optional<double> parse_uptime(std::string_view text) {
  auto line = next_line(text);
  return line ? next_amount(*line) : std::nullopt;
}

std::optional<FileHandles> parse_file_handles(std::string_view text) {
  auto line = next_line(text);
  if (!line) return std::nullopt;
  const auto allocated = next_number(*line);
  const auto unused = next_number(*line);
  const auto limit = next_number(*line);
  if (!allocated || !unused || !limit || *unused > *allocated) return std::nullopt;
  return FileHandles{*allocated - *unused, *limit};
}

void LoadScraper::scrape(Scrape& run) noexcept {
  if (const auto text = run.proc("loadavg")) {
    if (const auto load = parse_loadavg(*text)) {
      add_load(run, *load);
    } else {
      run.error(Reason::kGarbage);
    }
  }
  if (const auto text = run.proc("uptime")) {
    const auto uptime = parse_uptime(*text);
    if (!uptime) run.error(Reason::kGarbage);
    run.one({"system.uptime", "Time since the host was started.", "s", MetricKind::kGauge}, uptime);
  }
  add_limits(run);
}

}  // namespace hostlens::scrapers
