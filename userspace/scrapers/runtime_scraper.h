// SPDX-License-Identifier: Apache-2.0
// hostlens.process.runtimes: which language runtimes, and of which versions, are in use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Processes of one service and program that run the same.
struct RuntimeUse {
  std::shared_ptr<const model::Service> service;
  std::string executable;
  std::string runtime;  ///< process.runtime.name
  std::string version;  ///< "" unknown
  int64_t processes = 0;
};

class RuntimeScraper final : public Scraper {
 public:
  [[nodiscard]] std::string_view name() const override { return "runtime"; }
  void set_uses(std::vector<RuntimeUse> uses) { uses_ = std::move(uses); }
  void scrape(Scrape& run) noexcept override;

 private:
  std::vector<RuntimeUse> uses_;
};

}  // namespace hostlens::scrapers
