// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Puts failures of something that is read elsewhere into hostlens.scrape.errors.
class ReportedErrors final : public Scraper {
 public:
  /// `name` is a literal.
  explicit ReportedErrors(std::string_view name) : name_(name) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  void add(const std::vector<Reason>& reasons) {
    reasons_.insert(reasons_.end(), reasons.begin(), reasons.end());
  }
  void scrape(Scrape& run) noexcept override {
    for (const Reason reason : reasons_) run.error(reason);
    reasons_.clear();
  }

 private:
  std::string_view name_;
  std::vector<Reason> reasons_;
};

}  // namespace hostlens::scrapers
