// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// /proc/pressure: hostlens.pressure.*{resource,kind}. Absent on kernels without PSI.
class PressureScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "pressure"; }
  void scrape(Scrape& run) noexcept override;
};

}  // namespace hostlens::scrapers
