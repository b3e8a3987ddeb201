// SPDX-License-Identifier: Apache-2.0
// `hostlens run -- CMD`: CMD and its descendants are the only targets.
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "agent/bpf_capture.h"
#include "agent/child_command.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/logging.h"
#include "agent/runtime.h"
#include "agent/signal_source.h"
#include "base/open_files.h"

namespace hostlens::agent {
namespace {

using base::Result;

/// After SIGTERM at --for, before SIGKILL.
constexpr uint64_t kPatienceNs = 10'000'000'000;

/// The command between its start and its end. Everything happens in the runtime's loop.
class Run {
 public:
  Run(RunOptions options, std::unique_ptr<SignalSource> signals, std::unique_ptr<Runtime> runtime,
      std::unique_ptr<ChildCommand> child)
      : options_(std::move(options)),
        signals_(std::move(signals)),
        runtime_(std::move(runtime)),
        child_(std::move(child)) {}

  Result<void> start() {
    const auto pid = static_cast<uint32_t>(child_->pid());
    if (auto set = runtime_->capture().host().set_target({pid, 0}, true); !set) return set;
    auto limit = runtime_->loop().timer([this] { on_limit(); });
    if (!limit) return std::move(limit).error();
    limit_ = *std::move(limit);
    if (auto watched = runtime_->loop().watch(signals_->fd(), [this] { on_signal(); }); !watched) {
      return watched;
    }
    if (auto watched = runtime_->loop().watch(child_->pidfd(), [this] { on_child_end(); });
        !watched) {
      return watched;
    }
    return runtime_->start([this] { release(); }, [this](bool in_order) { on_end(in_order); });
  }

  int wait() {
    runtime_->loop().run();
    return status_;
  }

 private:
  void release() {
    const std::string url = runtime_->address_url();
    if (!url.empty()) {
      std::fprintf(stderr, "hostlens: watching %s; metrics and API at %s\n",
                   options_.command.front().c_str(), url.c_str());
    }
    if (options_.for_ns) limit_->once(*options_.for_ns);
    auto released = child_->release();
    if (released) return;
    print_error(released.error());
    status_ = exit_code_of_failed_exec(released.error().errno_value);
    failed_to_execute_ = true;
  }

  void on_signal() {
    for (ReceivedSignal signal = signals_->next(); signal.number != 0; signal = signals_->next()) {
      if (ended_) {
        runtime_->supervisor().stop();  // the second one does not wait for the worker
      } else {
        child_->forward(signal.number, signal.from_terminal);
      }
    }
  }

  void on_limit() {
    if (ended_) return;
    if (time_is_up_) return child_->kill_now();
    time_is_up_ = true;
    child_->forward(SIGTERM, false);
    limit_->once(kPatienceNs);
  }

  void on_child_end() {
    const auto code = child_->exit_code();
    if (!code) return;
    runtime_->loop().forget(child_->pidfd());
    ended_ = true;
    limit_->cancel();
    if (!failed_to_execute_) status_ = time_is_up_ ? kExitOk : *code;
    runtime_->supervisor().stop();
  }

  void on_end(bool in_order) {
    // Without a worker the command would run unobserved: it is told to end.
    if (!in_order && !ended_) {
      child_->forward(SIGTERM, false);
      status_ = kExitFailure;
    }
    runtime_->loop().stop();
  }

  RunOptions options_;
  std::unique_ptr<SignalSource> signals_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<ChildCommand> child_;
  std::unique_ptr<Timer> limit_;
  int status_ = kExitFailure;
  bool ended_ = false;
  bool time_is_up_ = false;
  bool failed_to_execute_ = false;
};

int fail(const base::Error& error) {
  print_error(error);
  return exit_code_of(error);
}

}  // namespace

int run_command(RunOptions options) {
  set_up_logging(true);
  auto configuration = load_configuration(options.config_path, options.overrides);
  if (!configuration) {
    print_error(configuration.error());
    return kExitUsage;
  }
  const bool any_port = !options.listen_given && options.config_path.empty();
  auto signals = SignalSource::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2});
  if (!signals) return fail(signals.error());
  const uint64_t open_files = base::raise_open_files_limit();
  auto runtime = Runtime::create({*std::move(configuration), true, any_port}, attach_bpf_capture);
  if (!runtime) {
    print_error(runtime.error());
    // Missing privilege is the same to scripts as a missing feature.
    return runtime.error().kind == base::Error::Kind::kDenied ? kExitUnsupported
                                                              : exit_code_of(runtime.error());
  }
  auto child = ChildCommand::start_held(options.command, open_files);
  if (!child) return fail(child.error());
  Run run(std::move(options), *std::move(signals), *std::move(runtime), *std::move(child));
  if (auto started = run.start(); !started) return fail(started.error());
  return run.wait();
}

}  // namespace hostlens::agent
