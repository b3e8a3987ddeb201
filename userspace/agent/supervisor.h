// SPDX-License-Identifier: Apache-2.0
// Keeps one worker alive on the probes that this process holds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/backoff.h"
#include "agent/capture.h"
#include "agent/channel.h"
#include "agent/event_loop.h"
#include "agent/host_request_server.h"
#include "agent/service_notifier.h"
#include "agent/shared_memory.h"
#include "agent/worker_launcher.h"

namespace hostlens::agent {

struct SupervisorSettings {
  HostRequestPolicy requests;
  uint64_t stop_deadline_ns = 5'000'000'000;  ///< for the worker to drain and flush
  uint64_t stop_margin_ns = 1'000'000'000;    ///< then it is killed
  /// A worker that says nothing, or does not move while records wait, is killed and restarted:
  /// below the 30 s of the unit's watchdog, so that the probes need not go with it.
  uint64_t hang_ns = 20'000'000'000;
  /// So many ends before a worker was ever ready: give up.
  uint64_t most_failures_at_start = 5;
  std::function<uint64_t()> now_ns;
};

/// What a worker is started with; replaced by a reload.
struct WorkerInputs {
  std::string settings;      ///< WorkerSettings as JSON
  base::UniqueFd listen;     ///< may be empty
  bool listen_off = false;   ///< a reload that closes the address it had
  base::UniqueFd otlp_json;  ///< may be empty
};

/// Records that wait in the rings, the ledger and the probes survive the worker. One thread, that
/// of the loop; capture, ledger, launcher and notifier must outlive it.
class Supervisor {
 public:
  struct Parts {
    EventLoop& loop;
    Capture& capture;
    LedgerMemory& ledger;
    WorkerLauncher& launcher;
    ServiceNotifier& notifier;
  };

  Supervisor(Parts parts, SupervisorSettings settings, WorkerInputs inputs);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts the first worker. `on_ready` is called once, when it works; `on_end` once, when there
  /// will be no worker any more: with true after `stop`, with false when starting it is hopeless.
  [[nodiscard]] base::Result<void> start(std::function<void()> on_ready,
                                         std::function<void(bool)> on_end);
  /// Empty descriptors in `inputs` leave the worker's as they are, unless `listen_off`.
  void reload(WorkerInputs inputs);
  /// Lets the worker drain and flush, then `on_end`. A second call kills it.
  void stop();

  [[nodiscard]] uint64_t restarts() const { return restarts_; }
  /// What the worker last said of itself.
  [[nodiscard]] const Heartbeat& last_heartbeat() const { return last_; }
  /// Whether the worker that ended last did so with success.
  [[nodiscard]] bool ended_clean() const { return ended_clean_; }
  [[nodiscard]] pid_t worker_pid() const { return process_ ? process_->pid : -1; }

 private:
  [[nodiscard]] base::Result<void> launch();
  [[nodiscard]] base::Result<void> send_hello(const Channel& channel,
                                              const Channel& workers_requests);
  void on_channel();
  void on_requests();
  void on_worker_end();
  void handle(const Message& message);
  void on_heartbeat(const Heartbeat& heartbeat);
  void on_second();
  void tick_bursts();
  void kill_worker(const std::string& why);
  void forget_worker();
  void schedule_restart(uint64_t ran_ns);
  void end(bool in_order);

  Parts parts_;
  SupervisorSettings settings_;
  WorkerInputs inputs_;
  std::function<void()> on_ready_;
  std::function<void(bool)> on_end_;

  std::optional<StartedProcess> process_;
  std::optional<Channel> channel_;
  std::optional<HostRequestServer> requests_;
  std::unique_ptr<Timer> second_;
  std::unique_ptr<Timer> bursts_;
  std::unique_ptr<Timer> restart_;
  std::unique_ptr<Timer> deadline_;
  Backoff backoff_;
  uint64_t launched_ns_ = 0;
  uint64_t moved_ns_ = 0;  ///< when the worker last showed progress
  Heartbeat last_;
  uint32_t generation_ = 0;
  uint64_t restarts_ = 0;
  bool ever_ready_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  bool ended_clean_ = false;
};

}  // namespace hostlens::agent
