// SPDX-License-Identifier: Apache-2.0
// The kernel's clock discipline: hostlens.clock.*.
#pragma once

#include <sys/timex.h>

#include <functional>
#include <string_view>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// adjtimex(2) without a change: its state, or -1 with errno. Tests give their own.
using ReadClock = std::function<int(timex&)>;

class ClockScraper final : public Scraper {
 public:
  explicit ClockScraper(ReadClock read_clock) : read_clock_(std::move(read_clock)) {}
  [[nodiscard]] std::string_view name() const override { return "clock"; }
  void scrape(Scrape& run) noexcept override;

 private:
  ReadClock read_clock_;
};

}  // namespace hostlens::scrapers
