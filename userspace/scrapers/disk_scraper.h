// SPDX-License-Identifier: Apache-2.0
// /proc/diskstats and /sys/block: system.disk.*.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Order of the columns in diskstats.
enum class DiskDirection : uint8_t { kRead, kWrite, kDiscard, kFlush };
inline constexpr size_t kDiskDirections = 4;

/// Since the disk appeared. Kernel documentation, admin-guide/iostats.
struct DiskCounts {
  std::string_view name;  ///< "sda", "nvme0n1"; a view of the text
  struct Direction {
    uint64_t operations = 0, merged = 0, sectors = 0, milliseconds = 0;
  };
  std::array<Direction, kDiskDirections> by_direction{};
  bool has_discards = false, has_flushes = false;  ///< since Linux 4.18 and 5.5
  uint64_t in_flight = 0;
  uint64_t busy_milliseconds = 0;
};
/// One line of /proc/diskstats.
[[nodiscard]] std::optional<DiskCounts> parse_disk_line(std::string_view line);

/// Most disks that are told of.
inline constexpr size_t kMaxDisks = 256;

class DiskScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "disk"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
