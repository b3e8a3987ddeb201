// SPDX-License-Identifier: Apache-2.0
// Discovery's targets as the scrapers want them.
#pragma once

#include <vector>

#include "discovery/process_table.h"
#include "discovery/target_selector.h"
#include "scrapers/cgroup_scraper.h"
#include "scrapers/process_scraper.h"
#include "scrapers/runtime_scraper.h"

namespace hostlens::agent {

struct ScrapeTargets {
  std::vector<scrapers::ProcessTarget> processes;
  std::vector<scrapers::CgroupTarget> cgroups;
  std::vector<scrapers::RuntimeUse> runtimes;
  std::vector<scrapers::Reason> runtime_errors;  ///< of container runtimes; filled by the worker
};

/// Processes that `targets` selects (null: all that the table knows, as in `run`), at most 4096:
/// the rest is told by program. Each cgroup of a unit or a container in which targets of one
/// service alone were found, so a service that spans several has them all; a cgroup that several
/// services share is none's, and one below another of the same service is counted there already.
/// Shard thread; reads nothing.
[[nodiscard]] ScrapeTargets scrape_targets(const discovery::ProcessTable& processes,
                                           const discovery::TargetSelector* targets);

}  // namespace hostlens::agent
