// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/worker.h"

#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/exit_codes.h"
#include "agent/logging.h"
#include "agent/version.h"
#include "agent/worker/listener_backlogs.h"
#include "agent/worker/process_use.h"
#include "agent/worker/run_summary.h"
#include "health/oom_text.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

/// Kept of the supervisor's deadline for the summary and for leaving.
constexpr uint64_t kLeavingNs = 500'000'000;
/// Samples ask for requests of that long ago, and no longer.
constexpr uint64_t kActivityNs = 10'000'000'000;
/// What was read of the host is as fresh at the end as the rest, unless it hangs.
constexpr std::chrono::milliseconds kLastScrape{300};

/// null while nobody knows them. Lives as long as the reading.
std::shared_ptr<const std::vector<model::UnitState>> units_of(
    std::shared_ptr<const discovery::UnitReading> reading) {
  if (reading == nullptr || reading->error) return nullptr;
  const auto* const units = &reading->units;
  return {std::move(reading), units};
}

size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 120;
}

}  // namespace

Result<void> Worker::start() {
  if (shard_->targets() != nullptr) log_scan(shard_->targets()->scan());
  for (const kernel::RecordRing* ring : {&shard_->control_ring(), &shard_->data_ring()}) {
    if (auto watched = loop_.watch(ring->fd(), [this] { on_records(); }); !watched) return watched;
  }
  if (auto watched = loop_.watch(channel_.fd(), [this] { on_channel(); }); !watched) return watched;
  auto round = loop_.timer([this] { on_round(); });
  if (!round) return std::move(round).error();
  round_ = *std::move(round);
  round_->every(kRoundNs);
  last_interval_ns_ = base::monotonic_now_ns();
  begin_scrape();
  publish(last_interval_ns_);
  return channel_.send(Ready{});
}

void Worker::log_scan(const discovery::TargetScan& scan) const {
  spdlog::info("{} processes are targets", scan.targets);
  if (scan.refused > 0) {
    spdlog::warn("{} requests for targets were refused: {}", scan.refused, scan.first_refusal);
  }
  for (const size_t index : scan.unmatched) {
    std::string rule;
    for (const discovery::ProcessPattern& pattern : configuration_.include[index]) {
      rule += (rule.empty() ? "" : ", ") + pattern.pattern;
    }
    spdlog::info("targets.include entry {} ({}) fits no process yet; watching for one", index + 1,
                 rule);
  }
  if (configuration_.include.empty()) {
    spdlog::warn("targets.include is empty: nothing is observed");
  }
}

void Worker::on_records() { shard_->drain(); }

void Worker::on_round() {
  ++rounds_;
  const uint64_t now_ns = base::monotonic_now_ns();
  shard_->drain();
  shard_->tick(now_ns);
  finish_kernel_signals();
  look_after_containers(now_ns);
  if (profile_ != nullptr) profile_->on_round(now_ns);
  const bool news =
      kernel_is_news_ || progress() != published_progress_ || shard_->correlator().held() > 0;
  if (now_ns - last_snapshot_ns_ >= (news ? kSnapshotNs : kSecondNs) ||
      host_scrape_->last() != published_scrape_) {
    publish(now_ns);
  }
  if (now_ns - last_second_ns_ >= kSecondNs) on_second(now_ns);
  if (now_ns - last_interval_ns_ >= configuration_.interval_ns) on_interval(now_ns);
  if (push_waits_) push_when_read(now_ns);
}

/// A container that just started is named soon; that thousands start costs one question a second.
void Worker::look_after_containers(uint64_t now_ns) {
  if (const auto reading = container_watch_->take()) {
    containers_awaited_ = false;
    for (const base::Error& error : reading->errors) {
      runtime_errors_.push_back(scrapers::reason_of(error));
    }
    shard_->set_containers(reading->containers);
  }
  if (containers_awaited_ || now_ns - containers_asked_ns_ < kSecondNs) return;
  if (!container_watch_->has_runtimes() || !shard_->wants_containers()) return;
  containers_awaited_ = true;
  containers_asked_ns_ = now_ns;
  container_watch_->begin();
}

void Worker::begin_scrape() {
  shard_->describe_targets();
  unit_watch_->begin(shard_->unit_owners(unit_watch_->last().get()));
  ScrapeTargets targets = shard_->scrape_targets();
  if (kernel_ != nullptr) kernel_->begin(targets.cgroups);
  targets.runtime_errors = runtime_errors_;
  // Not begun while the one before hangs in a mount: its reading comes late, the next one in time.
  if (host_scrape_->begin(std::move(targets))) runtime_errors_.clear();
}

void Worker::finish_kernel_signals() {
  if (kernel_ == nullptr) return;
  if (kernel_->finish(base::monotonic_now_ns(), configuration_.limits.series_idle_ns)) {
    kernel_is_news_ = true;
    if (kernel_->reads_listeners()) {
      health_->set_listeners(listener_backlogs(kernel_->listeners()));
    }
    if (const auto kills = kernel_->oom_kills()) {
      for (const model::OomKill& kill : *kills) {
        spdlog::warn("killed for want of memory: {}", health::oom_text(kill));
      }
      health_->set_oom_kills(kills);
    }
  }
}

void Worker::on_interval(uint64_t now_ns) {
  last_interval_ns_ = now_ns;
  begin_scrape();
  push_waits_ = true;
  export_profiles(now_ns);
}

void Worker::export_profiles(uint64_t now_ns) {
  if (profile_ == nullptr) return;
  profile_->refresh_families(settings_.supervisor_start_unix_ns, now_ns,
                             configuration_.limits.series_idle_ns);
  for (const ContinuousProfile::Batch& batch : profile_->end_interval(now_ns)) {
    for (exporters::Exporter* exporter : exporters_.exporters()) exporter->submit(batch);
  }
}

/// What is pushed has one time for all of it, so the host is read just before.
void Worker::push_when_read(uint64_t now_ns) {
  const bool late = now_ns - last_interval_ns_ >= kScrapePatienceNs;
  const bool kernel_waits = kernel_ != nullptr && (kernel_->busy() || kernel_is_news_);
  if (!late && (kernel_waits || host_scrape_->busy() || host_scrape_->last() != published_scrape_))
    return;
  push_waits_ = false;
  exporters_.submit(published_.snapshot());
}

void Worker::on_second(uint64_t now_ns) {
  last_second_ns_ = now_ns;
  fan_out_->flush();
  fan_out_->refresh_clock();
  recent_->tick();
  for (const std::string& line : exporters_.news()) spdlog::warn("{}", line);
  shard_->describe_targets();
  if (profile_ != nullptr) {
    profile_->on_second(now_ns);
    activity_.forget_before(now_ns - std::min(now_ns, kActivityNs));
  }
  const size_t pending =
      shard_->control_ring().pending_bytes() + shard_->data_ring().pending_bytes();
  // A supervisor that does not read is about to end us, or is gone.
  (void)channel_.send(
      Heartbeat{rounds_, shard_->records_total(), fan_out_->finished_total(), pending});
}

aggregators::AgentSample Worker::sample() {
  shard_->refresh_kernel_books();
  const probes::SocketCounters& counters = shard_->counters();
  aggregators::AgentSample sample;
  sample.ledger = &ledger_;
  sample.processes = {process_use("supervisor", ::getppid()), process_use("worker", ::getpid())};
  // So that the total does not fall when a worker is replaced.
  sample.processes.back().cpu_seconds +=
      static_cast<double>(ledger_.page().ended_workers_cpu_ns.load(std::memory_order_relaxed)) /
      1e9;
  sample.worker_restarts = ledger_.page().worker_restarts.load(std::memory_order_relaxed);
  sample.targets =
      shard_->targets() != nullptr ? shard_->targets()->target_count() : shard_->processes().size();
  sample.ring_pending_bytes_control = shard_->control_ring().pending_bytes();
  sample.ring_pending_bytes_data = shard_->data_ring().pending_bytes();
  sample.control_records_lost = counters.control_full + shard_->control_malformed_total();
  sample.length_only_records = counters.length_only;
  sample.recursion_misses = ledger_.page().recursion_misses.load(std::memory_order_relaxed);
  sample.correlation_ambiguous = shard_->correlator().ambiguous_total();
  sample.correlation_late = shard_->correlator().late_total();
  sample.route_overflows = shard_->tracker().route_overflows_total();
  sample.connections_evicted = shard_->tracker().evicted_total();
  sample.connections_tracked = shard_->tracker().connections();
  if (kernel_ != nullptr) {
    const probes::SignalBooks& books = kernel_->books();
    sample.signals = true;
    sample.signals_observed = books.observed;
    sample.signals_lost = books.lost;
    sample.signals_merged = books.merged;
    sample.signals_unknown_thread = books.unknown_thread;
    sample.signals_estimated = books.estimated;
    sample.signals_unseen_switch = books.unseen_switch;
    sample.signals_untracked = books.untracked;
    sample.signals_untimed_accept = books.untimed_accept;
    sample.loads = kernel_->loads();
  }
  sample.version = kVersion;
  sample.socket_variant = socket_variant_;
  return sample;
}

void Worker::publish(uint64_t now_ns) {
  last_snapshot_ns_ = now_ns;
  published_progress_ = progress();
  uint64_t scraped_ns = 0;
  published_scrape_ = host_scrape_->last(&scraped_ns);
  host_window_.take_files({published_scrape_, scraped_ns});
  if (kernel_ != nullptr) host_window_.take_kernel({kernel_->last(), kernel_->last_ns()});
  kernel_is_news_ = false;
  auto snapshot = metrics_->snapshot(now_ns, sample(), published_scrape_,
                                     kernel_ != nullptr ? kernel_->last() : nullptr);
  if (profile_ != nullptr) {
    const std::vector<model::MetricFamily>& families = profile_->families();
    snapshot->families.insert(snapshot->families.end(), families.begin(), families.end());
  }
  health_->set_processes(host_scrape_->last_processes());
  health_->set_units(units_of(unit_watch_->last()));
  health_->judge(*snapshot);
  published_.publish(std::move(snapshot), now_ns);
}

void Worker::on_channel() {
  for (;;) {
    auto received = channel_.receive();
    if (!received) {
      // The supervisor is gone, and the probes with it.
      exit_code_ = kExitFailure;
      return loop_.stop();
    }
    if (!received->has_value()) return;
    Received& message = **received;
    if (const auto* reload_message = std::get_if<Reload>(&message.message)) {
      reload(*reload_message, by_slot(reload_message->fds, std::move(message.fds)));
    } else if (const auto* stop_message = std::get_if<Stop>(&message.message)) {
      return stop(stop_message->deadline_ns);
    }
  }
}

void Worker::reload(const Reload& message, SlotFds fds) {
  auto text = read_shared_text(fds[static_cast<size_t>(FdSlot::kSettings)]);
  auto settings =
      text ? worker_settings_from_json(*text) : Result<WorkerSettings>(std::move(text).error());
  auto applied = settings ? apply(*std::move(settings), std::move(fds))
                          : Result<void>(std::move(settings).error());
  if (!applied) spdlog::error("reload: {}; going on as before", applied.error().text());
  (void)channel_.send(Reloaded{message.generation});
}

Result<void> Worker::apply(WorkerSettings settings, SlotFds fds) {
  auto outcome = parse_configuration(settings.configuration, settings.file, settings.overrides);
  if (!outcome.ok()) return base::invalid_error(outcome.errors.front());
  // What was observed until now belongs to the old settings.
  shard_->drain();
  if (auto reloaded = shard_->reload(outcome.configuration); !reloaded) return reloaded;
  settings_ = std::move(settings);
  configuration_ = std::move(outcome.configuration);
  if (UniqueFd& fd = fds[static_cast<size_t>(FdSlot::kListen)]) listen_ = std::move(fd);
  if (UniqueFd& fd = fds[static_cast<size_t>(FdSlot::kOtlpJson)]) otlp_json_ = std::move(fd);
  if (!configuration_.listen) listen_.reset();
  metrics_->set_limits(configuration_.limits.series_per_family,
                       configuration_.limits.series_idle_ns);
  update_exporters();
  health_->update(configuration_);
  if (profile_ != nullptr) profile_->reload(configuration_.profile);
  serve();
  if (shard_->targets() != nullptr) {
    auto scan = shard_->targets()->reload(target_rules(configuration_));
    if (!scan) return std::move(scan).error();
    log_scan(*scan);
  }
  return {};
}

void Worker::stop(uint64_t deadline_ns) {
  round_->cancel();
  finish_kernel_signals();  // those of an interval that has just ended
  begin_scrape();
  shard_->drain();
  shard_->drain();  // what was being written during the first round
  shard_->stop();
  fan_out_->flush();
  (void)host_scrape_->wait(kLastScrape);
  finish_kernel_signals();  // the rounds above have taken the millisecond that it needs
  const uint64_t now_ns = base::monotonic_now_ns();
  if (profile_ != nullptr) {
    profile_->finish(now_ns);
    export_profiles(now_ns);
  }
  publish(now_ns);
  exporters_.submit(published_.snapshot());
  const uint64_t left_ns =
      deadline_ns > now_ns + kLeavingNs ? deadline_ns - now_ns - kLeavingNs : 0;
  exporters_.shutdown(std::chrono::steady_clock::now() + std::chrono::nanoseconds(left_ns));
  for (const std::string& line : exporters_.news()) spdlog::warn("{}", line);
  server_.reset();
  if (settings_.run_mode) {
    const std::string summary =
        run_summary(*published_.snapshot(), ledger_, static_cast<double>(now_ns - start_ns_) / 1e9,
                    terminal_width());
    (void)!::write(STDERR_FILENO, summary.data(), summary.size());
  }
  loop_.stop();
}

}  // namespace hostlens::agent
