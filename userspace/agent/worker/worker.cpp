// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/worker.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/attach_report_json.h"
#include "agent/confinement.h"
#include "agent/exit_codes.h"
#include "agent/listen_socket.h"
#include "agent/logging.h"
#include "agent/otlp_environment.h"
#include "agent/signal_states.h"
#include "agent/version.h"
#include "agent/worker/listener_backlogs.h"
#include "agent/worker/process_use.h"
#include "agent/worker/run_summary.h"
#include "agent/worker/unit_check_source.h"
#include "discovery/host_resource.h"
#include "discovery/service_identity.h"
#include "exporters/prometheus/render.h"
#include "kernel/ring_reader.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

constexpr int kHelloTimeoutMs = 10'000;
/// Kept of the supervisor's deadline for the summary and for leaving.
constexpr uint64_t kLeavingNs = 500'000'000;
/// What was read of the host is as fresh at the end as the rest, unless it hangs.
constexpr std::chrono::milliseconds kLastScrape{300};

UniqueFd duplicate(const UniqueFd& fd) {
  return UniqueFd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0) : -1);
}

std::shared_ptr<const model::Service> agent_service(const model::Attributes& host) {
  auto service = std::make_shared<model::Service>();
  service->name = "hostlens";
  service->resource.push_back({"service.name", service->name});
  service->resource.push_back({"service.version", std::string(kVersion)});
  for (const model::Attribute& attribute : host) {
    service->resource.push_back(attribute);
    if (attribute.key != "host.id") continue;
    if (const auto* id = std::get_if<std::string>(&attribute.value)) service->instance_id = *id;
  }
  if (!service->instance_id.empty()) {
    service->resource.push_back({"service.instance.id", service->instance_id});
  }
  return service;
}

Result<std::unique_ptr<kernel::RecordRing>> open_ring(UniqueFd fd) {
  auto ring = kernel::RingReader::open(std::move(fd));
  if (!ring) return std::move(ring).error();
  return std::unique_ptr<kernel::RecordRing>(*std::move(ring));
}

discovery::TargetSelectorSettings target_rules(const Configuration& configuration) {
  return {configuration.include,
          configuration.exclude,
          {static_cast<uint32_t>(::getpid()), static_cast<uint32_t>(::getppid())}};
}

discovery::UnitReaderSettings unit_settings() {
  discovery::UnitReaderSettings settings;
  // Elsewhere than usual; the launcher lets no other kind of address through.
  if (const char* const address = ::getenv("DBUS_SYSTEM_BUS_ADDRESS")) settings.address = address;
  return settings;
}

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

/// What the host page cannot tell.
std::vector<web::HostRows::Missing> unavailable_signals(const std::string& attach_report) {
  std::vector<web::HostRows::Missing> missing;
  for (SignalState& metric : unavailable_metrics({{}, hooks_of(attach_report)})) {
    missing.push_back({std::move(metric.name), std::move(metric.reason), std::move(metric.remedy)});
  }
  return missing;
}

}  // namespace

SlotFds by_slot(FdMask mask, std::vector<UniqueFd> fds) {
  SlotFds slots;
  size_t next = 0;
  for (size_t i = 0; i < kFdSlots && next < fds.size(); ++i) {
    if (mask.has(static_cast<FdSlot>(i))) slots[i] = std::move(fds[next++]);
  }
  return slots;
}

Result<std::unique_ptr<Worker>> Worker::create(EventLoop& loop, Channel channel, SlotFds fds) {
  const auto slot = [&](FdSlot which) -> UniqueFd& { return fds[static_cast<size_t>(which)]; };
  auto text = read_shared_text(slot(FdSlot::kSettings));
  if (!text) return std::move(text).error();
  auto settings = worker_settings_from_json(*text);
  if (!settings) return std::move(settings).error();
  auto outcome = parse_configuration(settings->configuration, settings->file, settings->overrides);
  if (!outcome.ok()) return base::invalid_error(outcome.errors.front());
  auto ledger = LedgerMemory::open(std::move(slot(FdSlot::kLedger)));
  if (!ledger) return std::move(ledger).error();
  std::unique_ptr<Worker> worker(new Worker(loop, std::move(channel), *std::move(settings),
                                            std::move(outcome.configuration), *std::move(ledger)));
  if (auto built = worker->build(std::move(fds)); !built) return std::move(built).error();
  return worker;
}

Worker::Worker(EventLoop& loop, Channel channel, WorkerSettings settings,
               Configuration configuration, std::unique_ptr<LedgerMemory> ledger)
    : loop_(loop),
      channel_(std::move(channel)),
      settings_(std::move(settings)),
      configuration_(std::move(configuration)),
      ledger_memory_(std::move(ledger)),
      ledger_(ledger_memory_->ledger()),
      socket_variant_(socket_variant_of(settings_.attach_report)),
      start_ns_(base::monotonic_now_ns()) {}

Worker::~Worker() = default;

Result<void> Worker::build(SlotFds fds) {
  const auto slot = [&](FdSlot which) -> UniqueFd& { return fds[static_cast<size_t>(which)]; };
  if (const uint64_t lost = ledger_.write_off_held(); lost > 0) {
    spdlog::warn("{} records were lost with the worker before this one", lost);
  }
  listen_ = std::move(slot(FdSlot::kListen));
  otlp_json_ = std::move(slot(FdSlot::kOtlpJson));
  host_ = std::make_unique<RemoteHostAccess>(Channel(std::move(slot(FdSlot::kRequests))));

  const model::Attributes host_resource = discovery::read_host_resource();
  const auto agent = agent_service(host_resource);
  metrics_ = std::make_unique<aggregators::MetricAggregator>(aggregators::MetricAggregatorSettings{
      configuration_.limits.series_per_family, configuration_.limits.series_idle_ns, agent,
      settings_.supervisor_start_unix_ns});
  fan_out_ = std::make_unique<FanOut>(*metrics_);

  ShardParts parts;
  auto control = open_ring(std::move(slot(FdSlot::kControlRing)));
  if (!control) return std::move(control).error();
  auto data = open_ring(std::move(slot(FdSlot::kDataRing)));
  if (!data) return std::move(data).error();
  auto counters = probes::SocketCounterReader::open(std::move(slot(FdSlot::kCounters)));
  if (!counters) return std::move(counters).error();
  discovery::ProcessTableSettings table;
  table.service_names = configuration_.service_name;
  table.host = host_resource;
  // What ended in an interval is asked for when its tables are read.
  table.tombstone_ns = std::max(table.tombstone_ns, 2 * configuration_.interval_ns);
  executables_ = std::make_unique<discovery::ExecutableInspector>(
      discovery::ExecutableInspectorSettings{}, *host_);
  table.executables = executables_.get();
  auto processes = discovery::ProcessTable::create(std::move(table), *host_);
  if (!processes) return std::move(processes).error();
  open_kernel_signals(fds, **processes, agent);
  parts.control = *std::move(control);
  parts.data = *std::move(data);
  parts.counters = *std::move(counters);
  parts.processes = *std::move(processes);
  if (!settings_.run_mode) {
    auto targets = make_targets();
    if (!targets) return std::move(targets).error();
    parts.targets = *std::move(targets);
  }
  auto shard = Shard::create(configuration_, std::move(parts), ledger_, {*fan_out_, *metrics_});
  if (!shard) return std::move(shard).error();
  shard_ = *std::move(shard);
  process_facts_ = std::make_unique<RemoteProcessFacts>(*host_);
  scrapers::HostMetricsSettings scrape;
  scrape.process_facts = process_facts_.get();
  unit_watch_ = std::make_unique<UnitWatch>(unit_settings());
  scrape.units = unit_watch_.get();
  container_watch_ = std::make_unique<ContainerWatch>(
      [this](uint8_t runtime) { return host_->open_container_list(runtime); },
      configuration_.container_sockets.size());
  host_scrape_ = std::make_unique<HostScrape>(std::move(scrape));
  health_ = std::make_unique<HealthWatch>(configuration_,
                                          std::make_shared<UnitCheckSource>(unit_settings()));
  update_exporters();
  serve();
  return {};
}

void Worker::open_kernel_signals(SlotFds& fds, discovery::ProcessTable& processes,
                                 const std::shared_ptr<const model::Service>& host) {
  const auto slot = [&](FdSlot which) -> UniqueFd& { return fds[static_cast<size_t>(which)]; };
  if (!slot(FdSlot::kSignalControl)) return;
  auto tables = probes::SignalTables::open(
      {std::move(slot(FdSlot::kSignalControl)),
       {std::move(slot(FdSlot::kSignalDistributions0)),
        std::move(slot(FdSlot::kSignalDistributions1))},
       {std::move(slot(FdSlot::kSignalCounts0)), std::move(slot(FdSlot::kSignalCounts1))},
       std::move(slot(FdSlot::kSignalBooks)),
       std::move(slot(FdSlot::kServiceCgroups))});
  if (!tables) return spdlog::error("{}; no kernel signals", tables.error().text());
  KernelReading::Extras extras{
      std::move(slot(FdSlot::kListeners)), std::move(slot(FdSlot::kSystemCallBooks)),
      packet_drop_reasons_of(settings_.attach_report), settings_.supervisor_start_unix_ns};
  kernel_ = std::make_unique<KernelReading>(*std::move(tables), std::move(extras), processes, host,
                                            configuration_.limits.series_per_family);
}

Result<std::unique_ptr<discovery::TargetSelector>> Worker::make_targets() {
  return discovery::TargetSelector::create(target_rules(configuration_), *host_);
}

void Worker::update_exporters() {
  fan_out_->flush();  // to those that were in use until now
  OtlpDestinations destinations = otlp_destinations(configuration_.otlp, process_environment());
  for (const std::string& warning : destinations.warnings) spdlog::warn("{}; ignoring it", warning);
  const ExporterParts parts{configuration_, std::move(destinations), otlp_json_.get(), ledger_};
  for (const std::string& failure : exporters_.update(parts)) spdlog::error("{}", failure);
  fan_out_->set_exporters(exporters_.exporters());
}

void Worker::serve() {
  server_.reset();  // reads the others
  fan_out_->set_recent(nullptr);
  recent_ =
      std::make_unique<web::RecentSpans>(configuration_.limits.recent_spans, kRecentSpansPerSecond);
  fan_out_->set_recent(recent_.get());
  if (!configuration_.listen || !listen_) return;
  web::ApiSettings api;
  api.version = kVersion;
  api.start_unix_ns = settings_.supervisor_start_unix_ns;
  api.worker_restarts = ledger_.page().worker_restarts.load(std::memory_order_relaxed);
  api.attach_report = settings_.attach_report;
  api.now_ns = base::monotonic_now_ns;
  api.health = [this] { return health_->json(); };
  api.host = [this, missing = unavailable_signals(settings_.attach_report)] {
    web::HostRows rows = host_window_.rows(base::monotonic_now_ns());
    rows.unavailable = missing;
    return web::to_json(rows);
  };
  api.watch_system_calls = [this](uint64_t duration_ns) {
    return host_->watch_system_calls(duration_ns);
  };
  if (configuration_.prometheus_enabled) {
    api.metrics = [](const model::MetricSnapshot& snapshot, std::string_view accept) {
      exporters::prometheus::Exposition page = exporters::prometheus::render(snapshot, accept);
      return web::Response{200, std::move(page.content_type), std::move(page.body)};
    };
  }
  api_ = std::make_unique<web::Api>(std::move(api), published_, *recent_, ledger_);
  web::HttpServerSettings settings;
  settings.connections = static_cast<uint32_t>(configuration_.limits.http_connections);
  const auto bound = bound_address(listen_.get());
  settings.loopback = !bound || bound->host.starts_with("127.") || bound->host == "::1";
  auto server = web::HttpServer::create(
      duplicate(listen_), settings,
      [this](const web::Request& request) { return api_->handle(request); });
  if (!server)
    return spdlog::error("{}; /metrics and the API do not answer", server.error().text());
  server_ = *std::move(server);
}

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
  if (configuration_.container_sockets.empty() || !shard_->wants_containers()) return;
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
  }
}

void Worker::on_interval(uint64_t now_ns) {
  last_interval_ns_ = now_ns;
  begin_scrape();
  push_waits_ = true;
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
    sample.signals_unseen_wakeup = books.unseen_wakeup;
    sample.signals_unseen_switch = books.unseen_switch;
    sample.signals_untracked = books.untracked;
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

int worker_main(UniqueFd channel_fd) {
  confine_after_exec();
  set_up_logging();
  Channel channel(std::move(channel_fd));
  auto received = channel.receive(kHelloTimeoutMs);
  const Hello* hello = received && *received ? std::get_if<Hello>(&(*received)->message) : nullptr;
  if (hello == nullptr) {
    spdlog::error("the worker is started by `hostlens agent` or `hostlens run`, not by hand");
    return kExitUsage;
  }
  auto loop = EventLoop::create();
  if (!loop) {
    spdlog::error("{}", loop.error().text());
    return kExitFailure;
  }
  auto worker =
      Worker::create(**loop, std::move(channel), by_slot(hello->fds, std::move((*received)->fds)));
  if (!worker) {
    spdlog::error("{}", worker.error().text());
    return worker.error().kind == base::Error::Kind::kInvalid ? kExitUsage : kExitFailure;
  }
  if (auto started = (*worker)->start(); !started) {
    spdlog::error("{}", started.error().text());
    return kExitFailure;
  }
  (*loop)->run();
  return (*worker)->exit_code();
}

}  // namespace hostlens::agent
