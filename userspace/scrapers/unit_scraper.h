// SPDX-License-Identifier: Apache-2.0
// hostlens.unit.*: systemd's units, by service.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "discovery/unit_reader.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Where readings come from: a thread that waits for the bus instead of us.
class UnitSource {
 public:
  virtual ~UnitSource() = default;
  /// The reading that is under way, if it is complete in time, else the one before; null: none.
  /// Units are told for the service they carry.
  [[nodiscard]] virtual std::shared_ptr<const discovery::UnitReading> reading(
      std::chrono::milliseconds longest) noexcept = 0;
};

class UnitScraper final : public Scraper {
 public:
  /// `source` must outlive it; nullptr: no families.
  explicit UnitScraper(UnitSource* source) : source_(source) {}
  [[nodiscard]] std::string_view name() const override { return "unit"; }
  void scrape(Scrape& run) noexcept override;

 private:
  /// A counter that systemd sets back begins anew.
  struct Restarts {
    uint64_t start_unix_ns = 0;
    uint32_t last = 0;
    bool seen = false;
  };
  void count_errors(Scrape& run, const discovery::UnitReading& reading);
  void add_restarts(Scrape& run, const discovery::UnitReading& reading);

  UnitSource* source_;
  std::shared_ptr<const discovery::UnitReading> last_;
  std::unordered_map<std::string, Restarts> restarts_;
};

}  // namespace hostlens::scrapers
