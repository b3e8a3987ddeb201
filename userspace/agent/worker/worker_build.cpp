// SPDX-License-Identifier: Apache-2.0
// How a worker is put together, from the first descriptor to the page it serves.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/attach_report_json.h"
#include "agent/listen_socket.h"
#include "agent/otlp_environment.h"
#include "agent/signal_states.h"
#include "agent/version.h"
#include "agent/worker/unit_check_source.h"
#include "agent/worker/worker.h"
#include "discovery/host_resource.h"
#include "exporters/prometheus/render.h"
#include "kernel/ring_reader.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

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

discovery::UnitReaderSettings unit_settings() {
  discovery::UnitReaderSettings settings;
  // Elsewhere than usual; the launcher lets no other kind of address through.
  if (const char* const address = ::getenv("DBUS_SYSTEM_BUS_ADDRESS")) settings.address = address;
  return settings;
}

/// What the host page cannot tell.
std::vector<web::HostRows::Missing> unavailable_signals(const std::string& attach_report) {
  std::vector<web::HostRows::Missing> missing;
  for (SignalState& signal : signal_states({{}, hooks_of(attach_report)})) {
    if (signal.state != "unavailable" || !signal.name.starts_with("hostlens.")) continue;
    missing.push_back({std::move(signal.name), std::move(signal.reason), std::move(signal.remedy)});
  }
  return missing;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(EventLoop& loop, Channel channel,
                                               WorkerSettings settings, SlotFds fds) {
  const auto slot = [&](FdSlot which) -> UniqueFd& { return fds[static_cast<size_t>(which)]; };
  auto outcome = parse_configuration(settings.configuration, settings.file, settings.overrides);
  if (!outcome.ok()) return base::invalid_error(outcome.errors.front());
  auto ledger = LedgerMemory::open(std::move(slot(FdSlot::kLedger)));
  if (!ledger) return std::move(ledger).error();
  std::unique_ptr<Worker> worker(new Worker(loop, std::move(channel), std::move(settings),
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
  table.arguments = configuration_.arguments;
  // What ended in an interval is asked for when its tables are read.
  table.tombstone_ns = std::max(table.tombstone_ns, 2 * configuration_.interval_ns);
  executables_ = std::make_unique<discovery::ExecutableInspector>(
      discovery::ExecutableInspectorSettings{}, *host_);
  table.executables = executables_.get();
  auto processes = discovery::ProcessTable::create(std::move(table), *host_);
  if (!processes) return std::move(processes).error();
  open_kernel_signals(fds, **processes, agent);
  open_profile(fds, **processes, agent);
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
      runtime_sockets(configuration_));
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
      std::move(slot(FdSlot::kOomKills)), packet_drop_reasons_of(settings_.attach_report),
      settings_.supervisor_start_unix_ns};
  kernel_ = std::make_unique<KernelReading>(*std::move(tables), std::move(extras), processes, host,
                                            configuration_.limits.series_per_family);
}

void Worker::open_profile(SlotFds& fds, discovery::ProcessTable& processes,
                          const std::shared_ptr<const model::Service>& agent) {
  const auto slot = [&](FdSlot which) -> UniqueFd& { return fds[static_cast<size_t>(which)]; };
  if (!slot(FdSlot::kProfileRing)) return;
  ProfilePipelineSettings settings;
  settings.table_bytes = configuration_.profile.table_bytes;
  settings.targets_only = !configuration_.profile.whole_host;
  settings.debuginfod = {configuration_.debuginfod.urls, configuration_.debuginfod.timeout_ns,
                         configuration_.debuginfod.file_bytes};
  // What a process says of its functions is asked for later then, so not much later.
  constexpr uint32_t kFewHz = 200;
  if (!configuration_.profile.off_cpu && configuration_.profile.hz <= kFewHz) {
    settings.round_ms = 500;
  }
  ProfilePipelineFds rings{
      std::move(slot(FdSlot::kProfileRing)),
      std::move(slot(FdSlot::kProfileNotices)),
      std::move(slot(FdSlot::kProfileBooks)),
      {std::move(slot(FdSlot::kUnwindSlabs)), std::move(slot(FdSlot::kUnwindExecutables)),
       std::move(slot(FdSlot::kUnwindSpaces)), std::move(slot(FdSlot::kUnwindProcesses)),
       std::move(slot(FdSlot::kPythonSpaces)), std::move(slot(FdSlot::kHotspotSpaces))}};
  auto thread = ProfileThread::start(std::move(rings), *host_, std::move(settings));
  if (!thread) return spdlog::error("{}; nothing is profiled", thread.error().text());
  profile_ = std::make_unique<ContinuousProfile>(
      ContinuousProfile::Parts{*std::move(thread), *host_, processes, activity_, agent},
      configuration_.profile, base::monotonic_now_ns());
  fan_out_->set_activity(&activity_);
}

discovery::TargetSelectorSettings Worker::target_rules(const Configuration& configuration) {
  return {configuration.include,
          configuration.exclude,
          {static_cast<uint32_t>(::getpid()), static_cast<uint32_t>(::getppid())}};
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
  const std::vector<exporters::Exporter*> in_use = exporters_.exporters();
  fan_out_->set_exporters(in_use);
  if (profile_ == nullptr) return;
  profile_->keep_batches(std::any_of(in_use.begin(), in_use.end(), [](const auto* exporter) {
    return exporter->takes_profiles();
  }));
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
  if (profile_ != nullptr) {
    api.profile = [recordings = &profile_->recordings()](const web::ProfileQuery& query) {
      return recordings->request(query, base::monotonic_now_ns());
    };
  }
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

}  // namespace hostlens::agent
