// SPDX-License-Identifier: Apache-2.0
#include "scrapers/unit_scraper.h"

#include <array>
#include <utility>

namespace hostlens::scrapers {
namespace {

/// The reading began with this scrape and takes some milliseconds; a bus that hangs is not waited
/// for.
constexpr std::chrono::milliseconds kLongest{200};

constexpr std::array<std::string_view, 6> kStates{"active", "reloading",  "inactive",
                                                  "failed", "activating", "deactivating"};

/// A service whose object is not known yet is told with the next reading; what is no service is the
/// host's.
bool is_told(const model::UnitState& unit) {
  return unit.service != nullptr || !unit.name.ends_with(".service");
}

}  // namespace

void UnitScraper::count_errors(Scrape& run, const discovery::UnitReading& reading) {
  if (reading.error) run.error(reason_of(*reading.error));
  if (reading.over_limit > 0) run.error(Reason::kTooMany);
}

void UnitScraper::add_restarts(Scrape& run, const discovery::UnitReading& reading) {
  for (auto& [name, restarts] : restarts_) restarts.seen = false;
  run.list().add({"hostlens.unit.restarts", "Times that systemd restarted the service by itself.",
                  "{restart}", model::MetricKind::kCounter},
                 [&](model::MetricFamily& family) {
                   for (const model::UnitState& unit : reading.units) {
                     if (unit.service == nullptr || !unit.name.ends_with(".service")) continue;
                     const auto [place, is_new] = restarts_.try_emplace(unit.name);
                     Restarts& restarts = place->second;
                     // What was counted before our time began with the host.
                     if (is_new) restarts.start_unix_ns = run.time().boot_unix_ns;
                     if (unit.restarts < restarts.last) restarts.start_unix_ns = run.time().unix_ns;
                     restarts.last = unit.restarts;
                     restarts.seen = true;
                     run.list().add_point(family, Series{unit.service, restarts.start_unix_ns},
                                          attributes({{"unit", unit.name}}),
                                          int64_t{unit.restarts});
                   }
                 });
  std::erase_if(restarts_, [](const auto& item) { return !item.second.seen; });
}

void UnitScraper::scrape(Scrape& run) noexcept {
  if (source_ == nullptr) return;
  const auto reading = source_->reading(kLongest);
  if (reading == nullptr) return;
  if (std::exchange(last_, reading) != reading) count_errors(run, *reading);
  if (reading->error) return;
  run.list().add({"hostlens.unit.state", "1 for the state that the unit is in, 0 for the others.",
                  "", model::MetricKind::kGauge},
                 [&](model::MetricFamily& family) {
                   for (const model::UnitState& unit : reading->units) {
                     if (!is_told(unit)) continue;
                     const Series series{
                         unit.service != nullptr ? unit.service : run.host().service,
                         run.time().boot_unix_ns};
                     for (const std::string_view state : kStates) {
                       run.list().add_point(family, series,
                                            attributes({{"state", state}, {"unit", unit.name}}),
                                            int64_t{unit.active_state == state ? 1 : 0});
                     }
                   }
                 });
  add_restarts(run, *reading);
}

}  // namespace hostlens::scrapers
