// SPDX-License-Identifier: Apache-2.0
// /proc/meminfo: system.memory.*.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// proc(5), /proc/meminfo; bytes. A line that is missing is absent.
struct MemoryInfo {
  std::optional<uint64_t> total, free, available, buffers, cached, shared, slab_reclaimable,
      slab_unreclaimable;
};
[[nodiscard]] MemoryInfo parse_meminfo(std::string_view text);

/// What is in none of the other states, so that all of them add up to MemTotal exactly; nullopt
/// when one is missing or they exceed the total.
[[nodiscard]] std::optional<uint64_t> used_bytes(const MemoryInfo& memory);

class MemoryScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "memory"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
