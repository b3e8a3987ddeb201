// SPDX-License-Identifier: Apache-2.0
// What `run` and `agent` share: probes, ledger, sockets and a supervisor in one loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/capture.h"
#include "agent/event_loop.h"
#include "agent/loaded_configuration.h"
#include "agent/service_notifier.h"
#include "agent/shared_memory.h"
#include "agent/supervisor.h"
#include "agent/worker_launcher.h"
#include "base/result.h"
#include "kernel/debug_cache.h"

namespace hostlens::agent {

struct RuntimeSettings {
  LoadedConfiguration configuration;
  bool run_mode = false;
  /// The address is a default nobody asked for: when it is in use, any free port will do.
  bool any_port = false;
};

/// One thread, that of the loop. Members are in the order of their dependence: the worker ends
/// first, the probes last.
class Runtime {
 public:
  /// Opens sockets and files, loads and attaches. kInvalid, kBusy: the operator's settings;
  /// kDenied, kUnsupported: privilege or kernel.
  [[nodiscard]] static base::Result<std::unique_ptr<Runtime>> create(RuntimeSettings settings,
                                                                     const CaptureFactory& attach);

  /// Launches the worker; the loop must run. Profiles begin when it is ready. Callbacks as those of
  /// Supervisor::start.
  [[nodiscard]] base::Result<void> start(std::function<void()> on_ready,
                                         std::function<void(bool)> on_end);

  [[nodiscard]] EventLoop& loop() { return *loop_; }
  [[nodiscard]] Capture& capture() { return *capture_; }
  [[nodiscard]] Supervisor& supervisor() { return *supervisor_; }
  [[nodiscard]] ServiceNotifier& notifier() { return notifier_; }
  /// Where /metrics and the API answer; nullopt: nowhere.
  [[nodiscard]] const std::optional<HostPort>& address() const { return address_; }
  [[nodiscard]] std::string address_url() const;

  /// Takes up a new configuration; nothing changes on error. What needs a restart stays, with a
  /// warning.
  [[nodiscard]] base::Result<void> reload(LoadedConfiguration next);

 private:
  Runtime() = default;
  [[nodiscard]] std::string worker_settings() const;
  [[nodiscard]] base::Result<base::UniqueFd> open_listener(bool any_port);

  RuntimeSettings settings_;
  uint64_t start_unix_ns_ = 0;
  std::optional<HostPort> address_;
  SystemdNotifier notifier_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<LedgerMemory> ledger_;
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<kernel::DebugCache> debug_cache_;  ///< null: no server is asked
  std::unique_ptr<WorkerLauncher> launcher_;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace hostlens::agent
