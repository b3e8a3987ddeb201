// SPDX-License-Identifier: Apache-2.0
#include "scrapers/runtime_scraper.h"

namespace hostlens::scrapers {

void RuntimeScraper::scrape(Scrape& run) noexcept {
  run.list().add({"hostlens.process.runtimes", "Processes of targets by language runtime.",
                  "{process}", model::MetricKind::kUpDownCounter},
                 [&](model::MetricFamily& family) {
                   for (const RuntimeUse& use : uses_) {
                     model::Attributes labels =
                         attributes({{"process.executable.name", use.executable},
                                     {"process.runtime.name", use.runtime}});
                     if (!use.version.empty())
                       labels.push_back({"process.runtime.version", use.version});
                     run.list().add_point(family, Series{use.service, run.time().boot_unix_ns},
                                          std::move(labels), use.processes);
                   }
                 });
}

}  // namespace hostlens::scrapers
