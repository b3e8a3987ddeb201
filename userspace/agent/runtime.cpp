// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <optional>
#include <tuple>
#include <utility>

#include "agent/listen_socket.h"
#include "agent/worker_settings.h"
#include "base/clock.h"

namespace hostlens::agent {

using base::Result;
using base::UniqueFd;

namespace {

/// Of each CPU. A stack is some 600 bytes, and the ring is read ten times a second.
constexpr uint32_t kOffCpuStacksPerSecond = 200;
constexpr uint32_t kOffCpuRingBytes = 2U << 20;

std::optional<probes::ProfileProbesSettings> profile_probes(const ProfileSettings& profile) {
  if (!profile.cpu && !profile.off_cpu) return std::nullopt;
  probes::ProfileProbesSettings settings;
  settings.cpu.hz = profile.cpu ? static_cast<uint32_t>(profile.hz) : 0;
  settings.cpu.targets_only = !profile.whole_host;
  settings.cpu.starter = static_cast<uint32_t>(::getpid());  // of the command of `run`
  settings.follows_targets = true;
  if (profile.off_cpu) {
    settings.off_cpu.emplace();
    settings.off_cpu->threshold_ns = profile.off_cpu_threshold_ns;
    settings.off_cpu->targets_only = !profile.whole_host;
    // All stacks are sent by and by, never all at once as at the end of a recording.
    settings.off_cpu->stacks_per_second = kOffCpuStacksPerSecond;
    settings.cpu.ring_bytes = kOffCpuRingBytes;
  }
  return settings;
}

/// Without it profiles have fewer names, and everything else goes on.
std::unique_ptr<kernel::DebugCache> open_debug_cache(const DebuginfodSettings& settings) {
  if (settings.urls.empty()) return nullptr;
  auto cache = kernel::LocalDebugCache::open(settings.cache_dir, settings.cache_bytes);
  if (cache) return *std::move(cache);
  spdlog::error("symbols.debuginfod.cache_dir: {}; nothing that servers give is kept or used",
                cache.error().text());
  return nullptr;
}

/// What the kernel's side of profiles is made from.
auto probes_of(const ProfileSettings& profile) {
  return std::tuple(profile.cpu, profile.hz, profile.off_cpu, profile.off_cpu_threshold_ns,
                    profile.whole_host, profile.table_bytes);
}

}  // namespace

std::string Runtime::worker_settings() const {
  WorkerSettings worker;
  worker.run_mode = settings_.run_mode;
  worker.file = settings_.configuration.file;
  worker.configuration = settings_.configuration.text;
  worker.overrides = settings_.configuration.overrides;
  worker.attach_report = capture_->report_json();
  worker.supervisor_start_unix_ns = start_unix_ns_;
  return to_json(worker);
}

std::string Runtime::address_url() const {
  return address_ ? "http://" + address_->text() : std::string();
}

Result<UniqueFd> Runtime::open_listener(bool any_port) {
  const auto& wanted = settings_.configuration.configuration.listen;
  if (!wanted) {
    address_.reset();
    return UniqueFd();
  }
  auto fd = open_listen_socket(*wanted);
  if (!fd && any_port && fd.error().errno_value == EADDRINUSE) {
    fd = open_listen_socket({wanted->host, 0});
  }
  if (!fd) return fd;
  auto bound = bound_address(fd->get());
  if (!bound) return std::move(bound).error();
  address_ = *std::move(bound);
  return fd;
}

Result<std::unique_ptr<Runtime>> Runtime::create(RuntimeSettings settings,
                                                 const CaptureFactory& attach) {
  std::unique_ptr<Runtime> runtime(new Runtime);
  runtime->settings_ = std::move(settings);
  runtime->start_unix_ns_ = base::unix_now_ns();
  const Configuration& configuration = runtime->settings_.configuration.configuration;

  WorkerInputs inputs;
  auto listen = runtime->open_listener(runtime->settings_.any_port);
  if (!listen) return std::move(listen).error();
  inputs.listen = *std::move(listen);
  if (!configuration.otlp_json_path.empty()) {
    auto file = open_output_file(configuration.otlp_json_path);
    if (!file) return std::move(file).error().with_context("exporters.otlp_json.path");
    inputs.otlp_json = *std::move(file);
  }
  auto loop = EventLoop::create();
  if (!loop) return std::move(loop).error();
  runtime->loop_ = *std::move(loop);
  auto ledger = LedgerMemory::create();
  if (!ledger) return std::move(ledger).error();
  runtime->ledger_ = *std::move(ledger);
  auto capture = attach({configuration.limits.control_ring_bytes,
                         configuration.limits.data_ring_bytes,
                         !runtime->settings_.run_mode,
                         {configuration.syscall_burst_ns, configuration.syscall_period_ns},
                         profile_probes(configuration.profile)});
  if (!capture) return std::move(capture).error();
  runtime->capture_ = *std::move(capture);
  runtime->debug_cache_ = open_debug_cache(configuration.debuginfod);
  runtime->launcher_ = std::make_unique<ExecWorkerLauncher>(configuration.user);

  SupervisorSettings supervisor;
  supervisor.requests.targets_may_change = !runtime->settings_.run_mode;
  supervisor.requests.own_pid = static_cast<uint32_t>(::getpid());
  supervisor.requests.runtime_sockets =
      runtime_sockets(runtime->settings_.configuration.configuration);
  supervisor.requests.debug_cache = runtime->debug_cache_.get();
  supervisor.now_ns = base::monotonic_now_ns;
  inputs.settings = runtime->worker_settings();
  runtime->supervisor_ = std::make_unique<Supervisor>(
      Supervisor::Parts{*runtime->loop_, *runtime->capture_, *runtime->ledger_, *runtime->launcher_,
                        runtime->notifier_},
      std::move(supervisor), std::move(inputs));
  return runtime;
}

Result<void> Runtime::start(std::function<void()> on_ready, std::function<void(bool)> on_end) {
  return supervisor_->start(
      [this, on_ready = std::move(on_ready)] {
        if (auto begun = capture_->begin_recording(); !begun) {
          spdlog::warn("{}; some profiles are missing", begun.error().text());
        }
        on_ready();
      },
      std::move(on_end));
}

Result<void> Runtime::reload(LoadedConfiguration next) {
  const Configuration& old = settings_.configuration.configuration;
  const Configuration& fresh = next.configuration;
  if (fresh.user != old.user || fresh.limits.control_ring_bytes != old.limits.control_ring_bytes ||
      fresh.limits.data_ring_bytes != old.limits.data_ring_bytes ||
      runtime_sockets(fresh) != runtime_sockets(old) ||
      probes_of(fresh.profile) != probes_of(old.profile) || fresh.debuginfod != old.debuginfod) {
    spdlog::warn(
        "user, containers, profile.cpu, profile.off_cpu, profile.scope, profile.limits.tables, "
        "symbols.debuginfod, limits.control_ring and limits.data_ring need a restart; keeping the "
        "old");
  }
  WorkerInputs inputs;
  const bool new_address = fresh.listen != old.listen;
  const bool new_file = fresh.otlp_json_path != old.otlp_json_path && !fresh.otlp_json_path.empty();
  if (new_file) {
    auto file = open_output_file(fresh.otlp_json_path);
    if (!file) return std::move(file).error().with_context("exporters.otlp_json.path");
    inputs.otlp_json = *std::move(file);
  }
  if (new_address) {
    std::swap(settings_.configuration, next);
    auto listen = open_listener(false);
    if (!listen) {
      std::swap(settings_.configuration, next);
      return std::move(listen).error();
    }
    inputs.listen = *std::move(listen);
  } else {
    settings_.configuration = std::move(next);
  }
  inputs.listen_off = !settings_.configuration.configuration.listen.has_value();
  inputs.settings = worker_settings();
  supervisor_->reload(std::move(inputs));
  return {};
}

}  // namespace hostlens::agent
