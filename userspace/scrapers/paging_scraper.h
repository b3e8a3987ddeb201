// SPDX-License-Identifier: Apache-2.0
// /proc/swaps and /proc/vmstat: system.paging.*.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

struct SwapArea {
  std::string device;  ///< path as it was given to swapon, octal escapes undone
  uint64_t size_bytes = 0;
  uint64_t used_bytes = 0;
};
/// proc(5), /proc/swaps; at most kMaxSwapAreas (the kernel's MAX_SWAPFILES is 32).
inline constexpr size_t kMaxSwapAreas = 32;
[[nodiscard]] std::vector<SwapArea> parse_swaps(std::string_view text);

struct PagingCounts {
  std::optional<uint64_t> faults, major_faults, swapped_in, swapped_out;  ///< since boot, pages
};
[[nodiscard]] PagingCounts parse_vmstat(std::string_view text);

class PagingScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "paging"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
