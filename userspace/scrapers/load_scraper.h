// SPDX-License-Identifier: Apache-2.0
// /proc/loadavg, /proc/uptime and the host's limits: system.cpu.load_average.*, system.uptime,
// system.process.limit, hostlens.threads, hostlens.file_handles and its limit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

struct LoadAverage {
  std::array<double, 3> minutes{};  ///< over 1, 5 and 15 minutes
  uint64_t threads = 0;             ///< that exist now
};
/// proc(5), /proc/loadavg.
[[nodiscard]] std::optional<LoadAverage> parse_loadavg(std::string_view text);
/// proc(5), /proc/uptime: seconds since boot, suspended time included.
[[nodiscard]] std::optional<double> parse_uptime(std::string_view text);

struct FileHandles {
  uint64_t used = 0;
  uint64_t limit = 0;
};
/// /proc/sys/fs/file-nr.
[[nodiscard]] std::optional<FileHandles> parse_file_handles(std::string_view text);

class LoadScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "load"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
