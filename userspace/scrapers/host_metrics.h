// SPDX-License-Identifier: Apache-2.0
// The entry point: everything that is scraped of the host, its processes and its cgroups.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/metric.h"
#include "model/service.h"
#include "scrapers/cgroup_scraper.h"
#include "scrapers/clock_scraper.h"
#include "scrapers/mount_prober.h"
#include "scrapers/process_facts.h"
#include "scrapers/process_scraper.h"
#include "scrapers/reported_errors.h"
#include "scrapers/runtime_scraper.h"
#include "scrapers/scraper.h"
#include "scrapers/unit_scraper.h"

namespace hostlens::scrapers {

struct HostMetricsSettings {
  HostRoots roots;
  /// Resource of what concerns the whole host; nullptr: the agent's.
  std::shared_ptr<const model::Service> host;
  ProcessLimitsOfScraper processes;
  size_t cgroups = 128;
  ProcessFacts* process_facts = nullptr;  ///< must outlive; nullptr: without those families
  UnitSource* units = nullptr;            ///< likewise
  /// What is no file; empty: this kernel's.
  ReadClock read_clock;
  ReadMount read_mount;
};

/// Blocks on files, and up to half a second for each file system that just died: has a thread of
/// its own, on which everything here is called. Costs some ms of CPU for 500 processes.
class HostMetrics {
 public:
  explicit HostMetrics(HostMetricsSettings settings);
  ~HostMetrics();
  HostMetrics(const HostMetrics&) = delete;
  HostMetrics& operator=(const HostMetrics&) = delete;

  /// Whose processes and cgroups are told by service. Each replaces what was set before.
  void set_processes(std::vector<ProcessTarget> targets);
  void set_cgroups(std::vector<CgroupTarget> targets);
  void set_runtimes(std::vector<RuntimeUse> uses);
  /// What went wrong with container runtimes since the last scrape.
  void add_runtime_errors(const std::vector<Reason>& reasons);

  /// Once per interval: appends families to the snapshot, whose unix_ns says when.
  void scrape(model::MetricSnapshot& snapshot) noexcept;

  /// As of the last scrape, for health signals.
  [[nodiscard]] const std::vector<ProcessUse>& processes() const { return processes_->uses(); }
  [[nodiscard]] const std::vector<CgroupUse>& cgroups() const { return cgroups_->uses(); }

 private:
  struct Row {
    std::unique_ptr<Scraper> scraper;
    ReasonCounts errors{};
    double seconds = 0;  ///< the last run
  };

  [[nodiscard]] ScrapeTime time_of(const model::MetricSnapshot& snapshot);
  void add_own_families(aggregators::FamilyList& list) const;

  HostMetricsSettings settings_;
  HostUnits units_;
  uint64_t start_unix_ns_;
  uint64_t boot_unix_ns_ = 0;
  ProcessScraper* processes_ = nullptr;  ///< they are among the rows
  CgroupScraper* cgroups_ = nullptr;
  RuntimeScraper* runtimes_ = nullptr;
  ReportedErrors* runtime_errors_ = nullptr;
  std::vector<Row> rows_;
  std::string buffer_;
};

}  // namespace hostlens::scrapers
