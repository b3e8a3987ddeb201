// SPDX-License-Identifier: Apache-2.0
#include "scrapers/pressure_scraper.h"

#include <string>
#include <utility>

#include "scrapers/pressure_text.h"

namespace hostlens::scrapers {
namespace {

using model::MetricKind;
using Readings = std::array<PressureText, kPressureResources.size()>;

template <typename Value>
void add(Scrape& run, const aggregators::FamilyName& name, const Readings& readings, Value value) {
  run.list().add(name, [&](model::MetricFamily& family) {
    for (size_t i = 0; i < readings.size(); ++i) {
      for (const auto& [kind, pressure] :
           {std::pair("some", &readings[i].some), std::pair("full", &readings[i].full)}) {
        if (!*pressure) continue;
        run.point(family, attributes({{"kind", kind}, {"resource", kPressureResources[i]}}),
                  value(**pressure));
      }
    }
  });
}

}  // namespace

void PressureScraper::scrape(Scrape& run) noexcept {
  Readings readings;
  for (size_t i = 0; i < readings.size(); ++i) {
    const auto text =
        run.proc("pressure/" + std::string(kPressureResources[i]), Presence::kOptional);
    if (!text) continue;
    readings[i] = parse_pressure(*text);
    if (!readings[i].some && !readings[i].full) run.error(Reason::kGarbage);
  }
  add(run,
      {"hostlens.pressure.time", "Time in which tasks waited for the resource (PSI).", "s",
       MetricKind::kCounter},
      readings, [](const Pressure& is) { return static_cast<double>(is.total_us) / 1e6; });
  add(run,
      {"hostlens.pressure.share", "Share of the last 10 s in which tasks waited (PSI).", "1",
       MetricKind::kGauge},
      readings, [](const Pressure& is) { return is.ratio_10s; });
}

}  // namespace hostlens::scrapers
