// SPDX-License-Identifier: Apache-2.0
// `hostlens profile`: one recording of stacks, then its files.
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/child_command.h"
#include "agent/commands/commands.h"
#include "agent/configuration.h"
#include "agent/exit_codes.h"
#include "agent/logging.h"
#include "agent/profile_capture.h"
#include "agent/progress_bar.h"
#include "agent/shared_memory.h"
#include "agent/signal_source.h"
#include "agent/supervisor.h"
#include "agent/worker_settings.h"
#include "base/clock.h"
#include "base/open_files.h"
#include "exporters/profile/format.h"
#include "kernel/debug_cache.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

constexpr uint64_t kDefaultNs = 30'000'000'000;
/// After SIGTERM at --for, before SIGKILL.
constexpr uint64_t kPatienceNs = 10'000'000'000;
/// Between the end of waits that are under way and the command's: what runs Python, Java or
/// JavaScript is asked for its functions' names meanwhile, behind the symbols of a program like
/// node, which take half a second.
constexpr uint64_t kNamingNs = 1'000'000'000;
/// For names and files, after the recording.
constexpr uint64_t kWritingNs = 120'000'000'000;
constexpr uint64_t kProgressNs = 200'000'000;
constexpr mode_t kOutputMode = 0644;

std::string title_of(const ProfileOptions& options) {
  if (!options.command.empty()) return options.command.front();
  if (options.pid != 0) return fmt::format("process {}", options.pid);
  if (!options.unit.empty()) return options.unit;
  return options.service.empty() ? "host" : options.service;
}

/// A file that is there keeps its contents until the recording replaces them.
Result<std::vector<UniqueFd>> open_outputs(const std::vector<std::string>& paths) {
  std::vector<UniqueFd> files;
  for (const std::string& path : paths) {
    if (auto format = exporters::profile::format_of_file(path); !format) {
      return std::move(format).error();
    }
    files.emplace_back(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kOutputMode));
    if (!files.back()) return base::errno_error("open " + path);
  }
  return files;
}

/// As the environment says; else that of the service where we are root, or the user's own.
std::string debug_cache_path() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return std::string(cache) + "/hostlens/debuginfod";
  if (::geteuid() == 0) return DebuginfodSettings{}.cache_dir;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/hostlens/debuginfod";
}

/// By the kernel's lists of each thread's children; what ends meanwhile is left out.
std::vector<uint32_t> descendants_of(uint32_t pid) {
  constexpr size_t kMost = 65'536;
  std::vector<uint32_t> found{pid};
  for (size_t next = 0; next < found.size() && found.size() < kMost; ++next) {
    std::error_code ignored;
    const std::string threads = fmt::format("/proc/{}/task", found[next]);
    for (const auto& thread : std::filesystem::directory_iterator(threads, ignored)) {
      std::ifstream children(thread.path() / "children");
      for (uint32_t child = 0; children >> child;) found.push_back(child);
    }
  }
  found.erase(found.begin());
  return found;
}

/// From the start of the worker to its files. Everything happens in the loop.
class Recording {
 public:
  struct Parts {
    ProfileOptions options;
    std::vector<UniqueFd> outputs;
    std::unique_ptr<SignalSource> signals;
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<LedgerMemory> ledger;
    std::unique_ptr<Capture> capture;
    std::unique_ptr<kernel::DebugCache> debug_cache;  ///< null: no server is asked
    std::unique_ptr<ChildCommand> child;              ///< null: none is started
    UniqueFd watched;                                 ///< pidfd of --pid
  };

  explicit Recording(Parts parts) : parts_(std::move(parts)), launcher_(Configuration{}.user) {
    SupervisorSettings settings;
    settings.requests.targets_may_change = false;
    settings.requests.own_pid = static_cast<uint32_t>(::getpid());
    for (const UniqueFd& file : parts_.outputs) settings.requests.outputs.push_back(file.get());
    if (parts_.outputs.empty()) settings.requests.outputs.push_back(STDOUT_FILENO);
    settings.requests.debug_cache = parts_.debug_cache.get();
    settings.stop_deadline_ns = kWritingNs;
    settings.now_ns = base::monotonic_now_ns;
    WorkerInputs inputs;
    inputs.settings = worker_settings();
    supervisor_ = std::make_unique<Supervisor>(
        Supervisor::Parts{*parts_.loop, *parts_.capture, *parts_.ledger, launcher_, notifier_},
        std::move(settings), std::move(inputs));
  }

  Result<void> start() {
    auto limit = parts_.loop->timer([this] { on_limit(); });
    if (!limit) return std::move(limit).error();
    limit_ = *std::move(limit);
    auto progress = parts_.loop->timer([this] { show_progress(); });
    if (!progress) return std::move(progress).error();
    progress_ = *std::move(progress);
    const auto watch = [&](int fd, auto callback) { return parts_.loop->watch(fd, callback); };
    if (auto watched = watch(parts_.signals->fd(), [this] { on_signal(); }); !watched) {
      return watched;
    }
    if (parts_.child != nullptr) {
      if (auto watched = watch(parts_.child->pidfd(), [this] { on_child_end(); }); !watched) {
        return watched;
      }
    }
    if (parts_.watched) {
      if (auto watched = watch(parts_.watched.get(), [this] { on_target_end(); }); !watched) {
        return watched;
      }
    }
    return supervisor_->start([this] { on_ready(); }, [this](bool in_order) { on_end(in_order); });
  }

  int wait() {
    parts_.loop->run();
    return status_;
  }

 private:
  std::string worker_settings() const {
    const ProfileOptions& options = parts_.options;
    WorkerSettings worker;
    const uint32_t target =
        parts_.child != nullptr ? static_cast<uint32_t>(parts_.child->pid()) : options.pid;
    worker.profile = ProfileJob{options.hz,        options.outputs, target,
                                title_of(options), options.unit,    options.service,
                                options.off_cpu,   options.wakers,  options.debuginfod};
    return to_json(worker);
  }

  void on_ready() {
    begin_ns_ = base::monotonic_now_ns();
    if (auto begun = parts_.capture->begin_recording(); !begun) {
      print_error(begun.error());
      status_ = kExitFailure;
      failed_to_execute_ = true;
      return finish();
    }
    if (!parts_.options.for_ns && parts_.child == nullptr) parts_.options.for_ns = kDefaultNs;
    if (parts_.options.for_ns) limit_->once(*parts_.options.for_ns);
    if (::isatty(STDERR_FILENO) == 1) {
      progress_->every(kProgressNs);
    } else {
      std::fputs("hostlens: recording\n", stderr);  // who started us may begin what is to be seen
    }
    if (parts_.child == nullptr) return;
    auto released = parts_.child->release();
    if (released) return;
    print_error(released.error());
    status_ = exit_code_of_failed_exec(released.error().errno_value);
    failed_to_execute_ = true;
  }

  void on_signal() {
    for (ReceivedSignal signal = parts_.signals->next(); signal.number != 0;
         signal = parts_.signals->next()) {
      if (stopping_) {
        supervisor_->stop();  // the second one does not wait for the files
      } else if (parts_.child != nullptr) {
        parts_.child->forward(signal.number, signal.from_terminal);
      } else {
        finish();
      }
    }
  }

  void on_limit() {
    if (stopping_) return;
    if (parts_.child == nullptr) return finish();
    if (asked_to_end_) return parts_.child->kill_now();
    if (!time_is_up_) {
      time_is_up_ = true;
      if (parts_.options.off_cpu) {
        end_recording();
        return limit_->once(kNamingNs);
      }
    }
    asked_to_end_ = true;
    parts_.child->forward(SIGTERM, false);
    limit_->once(kPatienceNs);
  }

  void on_child_end() {
    const auto code = parts_.child->exit_code();
    if (!code) return;
    parts_.loop->forget(parts_.child->pidfd());
    if (!failed_to_execute_) status_ = time_is_up_ ? kExitOk : *code;
    finish();
  }

  void on_target_end() {
    parts_.loop->forget(parts_.watched.get());
    finish();
  }

  void finish() {
    if (stopping_) return;
    stopping_ = true;
    limit_->cancel();
    progress_->cancel();
    clear_progress();
    end_recording();
    supervisor_->stop();
  }

  void end_recording() {
    if (recording_ended_) return;
    recording_ended_ = true;
    if (auto ended = parts_.capture->end_recording(); !ended) {
      spdlog::warn("{}; waits that were under way are missing", ended.error().text());
    }
  }

  void on_end(bool in_order) {
    if (!in_order && parts_.child != nullptr && !stopping_) parts_.child->forward(SIGTERM, false);
    const bool written = in_order && supervisor_->ended_clean();
    if (!written) {
      if (status_ == kExitOk) status_ = kExitFailure;
      std::fputs("hostlens: the recording is lost, or not all of its files were written\n", stderr);
    } else {
      for (const std::string& path : parts_.options.outputs) {
        std::fprintf(stderr, "hostlens: wrote %s\n", path.c_str());
      }
    }
    parts_.loop->stop();
  }

  void show_progress() {
    winsize size{};
    const size_t width =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79;
    const std::string line =
        progress_line({base::monotonic_now_ns() - begin_ns_, parts_.options.for_ns,
                       fmt::format("{} samples", supervisor_->last_heartbeat().records)},
                      width);
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    shown_ = true;
  }

  void clear_progress() const {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }

  Parts parts_;
  SystemdNotifier notifier_;
  ExecWorkerLauncher launcher_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<Timer> limit_;
  std::unique_ptr<Timer> progress_;
  uint64_t begin_ns_ = 0;
  int status_ = kExitOk;
  bool stopping_ = false;
  bool time_is_up_ = false;
  bool asked_to_end_ = false;
  bool recording_ended_ = false;
  bool failed_to_execute_ = false;
  bool shown_ = false;
};

int fail(const base::Error& error) {
  print_error(error);
  // Missing privilege is the same to scripts as a missing feature.
  return error.kind == base::Error::Kind::kDenied ? kExitUnsupported : exit_code_of(error);
}

}  // namespace

int profile_command(ProfileOptions options) {
  set_up_logging(true);
  Recording::Parts parts;
  auto outputs = open_outputs(options.outputs);
  if (!outputs) {
    print_error(outputs.error());
    return kExitUsage;
  }
  parts.outputs = *std::move(outputs);
  if (!options.debuginfod.empty()) {
    auto cache =
        kernel::LocalDebugCache::open(debug_cache_path(), DebuginfodSettings{}.cache_bytes);
    if (!cache) {
      print_error(std::move(cache).error().with_context("--debuginfod"));
      return kExitUsage;
    }
    parts.debug_cache = *std::move(cache);
  }
  if (options.pid != 0) {
    auto watched = open_pidfd(static_cast<pid_t>(options.pid));
    if (!watched) {
      print_error(std::move(watched).error().with_context(fmt::format("--pid {}", options.pid)));
      return kExitUsage;
    }
    parts.watched = *std::move(watched);
  }
  auto signals = SignalSource::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT});
  if (!signals) return fail(signals.error());
  parts.signals = *std::move(signals);
  auto loop = EventLoop::create();
  if (!loop) return fail(loop.error());
  parts.loop = *std::move(loop);
  auto ledger = LedgerMemory::create();
  if (!ledger) return fail(ledger.error());
  parts.ledger = *std::move(ledger);
  const uint64_t open_files = base::raise_open_files_limit();
  const bool one_process = options.pid != 0 || !options.command.empty();
  auto capture = attach_profile_capture(
      {options.hz, one_process, options.off_cpu, options.threshold_ns, options.wakers});
  if (!capture) return fail(capture.error());
  parts.capture = *std::move(capture);
  uint32_t target = options.pid;
  if (!options.command.empty()) {
    auto child = ChildCommand::start_held(options.command, open_files);
    if (!child) return fail(child.error());
    parts.child = *std::move(child);
    target = static_cast<uint32_t>(parts.child->pid());
  }
  if (target != 0) {
    if (auto set = parts.capture->host().set_target({target, 0}, true); !set) {
      return fail(set.error());
    }
    // Those that it starts from now on are targets by themselves.
    for (const uint32_t child : descendants_of(target)) {
      (void)parts.capture->host().set_target({child, 0}, true);  // it may have ended
    }
  }
  parts.options = std::move(options);
  Recording recording(std::move(parts));
  if (auto started = recording.start(); !started) return fail(started.error());
  return recording.wait();
}

}  // namespace hostlens::agent
