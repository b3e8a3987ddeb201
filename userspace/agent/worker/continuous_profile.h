// SPDX-License-Identifier: Apache-2.0
// The agent's profiles without end: samples get their service and the request they were taken in,
// and become profiles of each interval, metrics, and recordings that somebody asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "agent/configuration.h"
#include "agent/worker/profile_recordings.h"
#include "agent/worker/profile_thread.h"
#include "aggregators/profile_metrics.h"
#include "discovery/process_resolver.h"
#include "model/profile_batch.h"
#include "processors/thread_activity.h"

namespace hostlens::agent {

/// The loop's thread, but for recordings().request. Times are CLOCK_MONOTONIC.
class ContinuousProfile {
 public:
  using Batch = std::shared_ptr<const model::ProfileBatch>;

  /// All that is referred to must outlive it. `agent`: the resource of what belongs to nobody.
  struct Parts {
    std::unique_ptr<ProfileThread> thread;
    RemoteHostAccess& host;
    discovery::ProcessResolver& processes;
    const processors::ThreadActivity& activity;
    std::shared_ptr<const model::Service> agent;
  };
  ContinuousProfile(Parts parts, const ProfileSettings& settings, uint64_t now_ns);

  /// Of the settings only those count that need no restart.
  void reload(const ProfileSettings& settings);
  /// Whether anybody wants what end_interval gives; from the beginning nobody does.
  void keep_batches(bool keep) { keeps_batches_ = keep; }
  void on_round(uint64_t now_ns);
  /// Keeps the profiler within its budget.
  void on_second(uint64_t now_ns);
  /// What was sampled since the last call, of CPUs and off them; without samples none.
  [[nodiscard]] std::vector<Batch> end_interval(uint64_t now_ns);
  /// Reads and takes in everything that there is; before a last end_interval.
  void finish(uint64_t now_ns);

  /// As of the last refresh_families().
  [[nodiscard]] const std::vector<model::MetricFamily>& families() const { return families_; }
  /// Once per interval: it walks all functions of all services.
  void refresh_families(uint64_t start_unix_ns, uint64_t now_ns, uint64_t idle_ns);
  [[nodiscard]] ProfileRecordings& recordings() { return recordings_; }

 private:
  /// Requests settle so much later than they end, and their records may come later than samples.
  static constexpr uint64_t kSettleNs = 700'000'000;
  /// A sample of a request that has not ended waits so long for its route.
  static constexpr uint64_t kPatienceNs = 2'000'000'000;
  static_assert(kPatienceNs + 500'000'000 < ProfileRecordings::kLateNs);
  /// Samples that wait; more go on as they are.
  static constexpr size_t kMostWaiting = 10'000;

  void take(std::vector<model::Sample>&& samples);
  void settle(uint64_t now_ns, uint64_t settle_ns, uint64_t patience_ns);
  void add(model::Sample&& sample, uint64_t now_ns);
  [[nodiscard]] std::unique_ptr<model::ProfileBatch> new_batch(model::ProfileKind kind) const;
  void govern(uint64_t now_ns);

  Parts parts_;
  ProfileSettings settings_;
  ProfileRecordings recordings_;
  aggregators::ProfileMetrics metrics_;
  bool keeps_batches_ = false;
  std::deque<model::Sample> waiting_;
  std::unique_ptr<model::ProfileBatch> cpu_;
  std::unique_ptr<model::ProfileBatch> off_cpu_;
  uint64_t interval_begin_ns_;
  std::vector<model::MetricFamily> families_;
  /// The governor's: what was used until `governed_ns_`.
  uint64_t governed_ns_;
  uint64_t governed_cost_ns_ = 0;
  uint32_t one_in_ = 1;
};

}  // namespace hostlens::agent
