// SPDX-License-Identifier: Apache-2.0
// The unprivileged process: everything behind the rings.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/channel.h"
#include "agent/configuration.h"
#include "agent/event_loop.h"
#include "agent/remote_host_access.h"
#include "agent/remote_process_facts.h"
#include "agent/shared_memory.h"
#include "agent/worker/container_watch.h"
#include "agent/worker/continuous_profile.h"
#include "agent/worker/export_set.h"
#include "agent/worker/fan_out.h"
#include "agent/worker/health_watch.h"
#include "agent/worker/host_scrape.h"
#include "agent/worker/kernel_reading.h"
#include "agent/worker/shard.h"
#include "agent/worker/unit_watch.h"
#include "agent/worker/worker_process.h"
#include "agent/worker_settings.h"
#include "aggregators/metric_aggregator.h"
#include "base/unique_fd.h"
#include "web/api.h"
#include "web/host_window.h"
#include "web/http_server.h"
#include "web/published.h"
#include "web/recent_spans.h"

namespace hostlens::agent {

/// One thread: the loop's. The HTTP server, the exporters and the scraping of the host have threads
/// of their own.
class Worker final : public WorkerProcess {
 public:
  /// kInvalid: what the supervisor sent cannot be used, and would not be better the next time.
  [[nodiscard]] static base::Result<std::unique_ptr<Worker>> create(EventLoop& loop,
                                                                    Channel channel,
                                                                    WorkerSettings settings,
                                                                    SlotFds fds);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] base::Result<void> start() override;
  [[nodiscard]] int exit_code() const override { return exit_code_; }

 private:
  static constexpr uint64_t kRoundNs = 100'000'000;
  /// With the round and the correlator's 100 ms, a finished exchange is visible within 1 s.
  static constexpr uint64_t kSnapshotNs = 400'000'000;
  static constexpr uint64_t kSecondNs = 1'000'000'000;
  /// A push waits that long for the reading of the host that belongs to it.
  static constexpr uint64_t kScrapePatienceNs = 1'000'000'000;
  static constexpr uint32_t kRecentSpansPerSecond = 200;

  Worker(EventLoop& loop, Channel channel, WorkerSettings settings, Configuration configuration,
         std::unique_ptr<LedgerMemory> ledger);
  [[nodiscard]] base::Result<void> build(SlotFds fds);
  void open_kernel_signals(SlotFds& fds, discovery::ProcessTable& processes,
                           const std::shared_ptr<const model::Service>& host);
  [[nodiscard]] base::Result<std::unique_ptr<discovery::TargetSelector>> make_targets();
  [[nodiscard]] static discovery::TargetSelectorSettings target_rules(
      const Configuration& configuration);
  void open_profile(SlotFds& fds, discovery::ProcessTable& processes,
                    const std::shared_ptr<const model::Service>& agent);
  /// Profiles of what was sampled since the last time, to the exporters.
  void export_profiles(uint64_t now_ns);
  void update_exporters();
  void serve();
  void on_channel();
  void on_records();
  void on_round();
  void on_second(uint64_t now_ns);
  void look_after_containers(uint64_t now_ns);
  void on_interval(uint64_t now_ns);
  /// Grows with each record and with each exchange that settles, some rounds after its records.
  [[nodiscard]] uint64_t progress() const {
    return shard_->records_total() + fan_out_->finished_total();
  }
  void push_when_read(uint64_t now_ns);
  void begin_scrape();
  void finish_kernel_signals();
  void publish(uint64_t now_ns);
  [[nodiscard]] aggregators::AgentSample sample();
  void reload(const Reload& message, SlotFds fds);
  [[nodiscard]] base::Result<void> apply(WorkerSettings settings, SlotFds fds);
  void log_scan(const discovery::TargetScan& scan) const;
  void stop(uint64_t deadline_ns);

  EventLoop& loop_;
  Channel channel_;
  WorkerSettings settings_;
  Configuration configuration_;
  std::unique_ptr<LedgerMemory> ledger_memory_;
  base::Ledger ledger_;
  base::UniqueFd listen_;
  base::UniqueFd otlp_json_;
  std::string socket_variant_;
  uint64_t start_ns_;

  std::unique_ptr<RemoteHostAccess> host_;
  std::unique_ptr<discovery::ExecutableInspector> executables_;
  std::unique_ptr<aggregators::MetricAggregator> metrics_;
  processors::ThreadActivity activity_;  ///< before those that tell it
  std::unique_ptr<FanOut> fan_out_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<RemoteProcessFacts> process_facts_;
  std::unique_ptr<UnitWatch> unit_watch_;
  std::unique_ptr<ContainerWatch> container_watch_;
  std::vector<scrapers::Reason> runtime_errors_;
  uint64_t containers_asked_ns_ = 0;
  bool containers_awaited_ = false;
  std::unique_ptr<HostScrape> host_scrape_;
  HostScrape::Families published_scrape_;
  std::unique_ptr<KernelReading> kernel_;       ///< null: this kernel lets no table be made
  std::unique_ptr<ContinuousProfile> profile_;  ///< null: nothing is profiled
  std::unique_ptr<HealthWatch> health_;
  ExportSet exporters_;
  web::Published published_;
  web::HostWindow host_window_;
  std::unique_ptr<web::RecentSpans> recent_;
  std::unique_ptr<web::Api> api_;
  std::unique_ptr<web::HttpServer> server_;

  std::unique_ptr<Timer> round_;
  uint64_t rounds_ = 0;
  uint64_t last_snapshot_ns_ = 0;
  uint64_t last_second_ns_ = 0;
  uint64_t last_interval_ns_ = 0;  ///< when the host was read, and is pushed soon after
  bool push_waits_ = false;
  bool kernel_is_news_ = false;  ///< read, but not published yet
  uint64_t published_progress_ = 0;
  int exit_code_ = 0;
};

}  // namespace hostlens::agent
