// SPDX-License-Identifier: Apache-2.0
// When the host is read, and what came of it last: the scrapers' thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agent/worker/scrape_targets.h"
#include "health/inputs.h"
#include "model/metric.h"
#include "scrapers/host_metrics.h"

namespace hostlens::agent {

/// Files of the host may block: they are read on a thread of their own, once for each begin(). What
/// was read stays the last reading until the next one is complete. Called by the loop's thread;
/// what the settings point to must outlive it. The end waits for a reading that is under way, which
/// a dead mount can hold up by half a second.
class HostScrape {
 public:
  using Families = std::shared_ptr<const std::vector<model::MetricFamily>>;
  using Processes = std::shared_ptr<const std::vector<health::ServiceProcess>>;

  explicit HostScrape(scrapers::HostMetricsSettings settings);
  ~HostScrape();
  HostScrape(const HostScrape&) = delete;
  HostScrape& operator=(const HostScrape&) = delete;

  /// Wants a reading now. False while one is under way: then none is added.
  bool begin(ScrapeTargets targets);
  [[nodiscard]] bool busy() const;
  /// Until no reading is under way; false when that took longer.
  [[nodiscard]] bool wait(std::chrono::milliseconds longest) const;
  /// null before the first. `read_ns`: when it was begun, CLOCK_MONOTONIC.
  [[nodiscard]] Families last(uint64_t* read_ns = nullptr) const;
  /// Of the same reading.
  [[nodiscard]] Processes last_processes() const;

 private:
  void run();
  [[nodiscard]] Families read(ScrapeTargets targets);
  [[nodiscard]] Processes copy_processes() const;

  scrapers::HostMetrics host_;  ///< the thread's
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::optional<ScrapeTargets> wanted_;
  bool reading_ = false;
  bool ends_ = false;
  Families last_;
  uint64_t last_ns_ = 0;
  Processes last_processes_;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::agent
