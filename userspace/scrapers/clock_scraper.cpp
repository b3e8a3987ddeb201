// SPDX-License-Identifier: Apache-2.0
#include "scrapers/clock_scraper.h"

#include <optional>

namespace hostlens::scrapers {

void ClockScraper::scrape(Scrape& run) noexcept {
  timex clock{};
  const int state = read_clock_(clock);
  if (state < 0) return run.error(Reason::kUnreadable);
  const auto is = [](double value) { return std::optional<double>(value); };
  constexpr auto kGauge = model::MetricKind::kGauge;
  const double unit = (clock.status & STA_NANO) != 0 ? 1e-9 : 1e-6;
  const bool synchronized = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
  run.one({"hostlens.clock.synchronized", "1: a time daemon keeps the clock right.", "", kGauge},
          std::optional<int64_t>(synchronized ? 1 : 0));
  run.one({"hostlens.clock.offset", "What the kernel still has to correct.", "s", kGauge},
          is(static_cast<double>(clock.offset) * unit));
  // Both are in microseconds whatever the status says.
  run.one({"hostlens.clock.error.max", "Most that the clock can be wrong by.", "s", kGauge},
          is(static_cast<double>(clock.maxerror) * 1e-6));
  run.one(
      {"hostlens.clock.error.estimated", "What the clock is expected to be wrong by.", "s", kGauge},
      is(static_cast<double>(clock.esterror) * 1e-6));
}

}  // namespace hostlens::scrapers
