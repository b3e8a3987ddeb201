// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "agent/exit_codes.h"

namespace hostlens::agent {
namespace {

using base::Result;

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("status {}", WEXITSTATUS(status));
}

uint64_t nanoseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(time.tv_usec) * 1'000;
}

/// Slots and descriptors of one message, kept in step.
class FdList {
 public:
  void add(FdSlot slot, int fd) {
    if (fd < 0) return;
    mask_.add(slot);
    fds_.push_back(fd);
  }
  [[nodiscard]] FdMask mask() const { return mask_; }
  [[nodiscard]] std::span<const int> fds() const { return fds_; }

 private:
  FdMask mask_;
  std::vector<int> fds_;
};

}  // namespace

Supervisor::Supervisor(Parts parts, SupervisorSettings settings, WorkerInputs inputs)
    : parts_(parts), settings_(std::move(settings)), inputs_(std::move(inputs)) {}

Supervisor::~Supervisor() {
  if (!process_) return;
  ::kill(process_->pid, SIGKILL);
  ::waitpid(process_->pid, nullptr, 0);
  forget_worker();
}

Result<void> Supervisor::start(std::function<void()> on_ready, std::function<void(bool)> on_end) {
  on_ready_ = std::move(on_ready);
  on_end_ = std::move(on_end);
  auto second = parts_.loop.timer([this] { on_second(); });
  auto restart = parts_.loop.timer([this] {
    if (auto launched = launch(); !launched) {
      spdlog::error("{}; trying again", launched.error().text());
      schedule_restart(0);
    }
  });
  auto deadline = parts_.loop.timer([this] { kill_worker("did not stop in time"); });
  if (!second) return std::move(second).error();
  if (!restart) return std::move(restart).error();
  if (!deadline) return std::move(deadline).error();
  second_ = *std::move(second);
  restart_ = *std::move(restart);
  deadline_ = *std::move(deadline);
  second_->every(1'000'000'000);
  auto bursts = parts_.loop.timer([this] { tick_bursts(); });
  if (!bursts) return std::move(bursts).error();
  bursts_ = *std::move(bursts);
  tick_bursts();
  return launch();
}

Result<void> Supervisor::launch() {
  auto channel = Channel::pair();
  auto requests = Channel::pair();
  if (!channel) return std::move(channel).error();
  if (!requests) return std::move(requests).error();
  auto process = parts_.launcher.launch(channel->second);
  if (!process) return std::move(process).error();
  process_ = *std::move(process);
  channel_ = std::move(channel->first);
  requests_.emplace(std::move(requests->first), parts_.capture, settings_.requests);
  launched_ns_ = moved_ns_ = settings_.now_ns();
  last_ = {};
  for (const auto& [fd, callback] : std::initializer_list<std::pair<int, void (Supervisor::*)()>>{
           {process_->pidfd.get(), &Supervisor::on_worker_end},
           {channel_->fd(), &Supervisor::on_channel},
           {requests_->fd(), &Supervisor::on_requests}}) {
    auto watched = parts_.loop.watch(fd, [this, callback = callback] { (this->*callback)(); });
    if (!watched) return watched;
  }
  return send_hello(*channel_, requests->second);
}

Result<void> Supervisor::send_hello(const Channel& channel, const Channel& workers_requests) {
  auto settings = share_text(inputs_.settings);
  if (!settings) return std::move(settings).error();
  FdList list;
  list.add(FdSlot::kRequests, workers_requests.fd());
  list.add(FdSlot::kSettings, settings->get());
  list.add(FdSlot::kLedger, parts_.ledger.fd());
  list.add(FdSlot::kControlRing, parts_.capture.control_ring_fd());
  list.add(FdSlot::kDataRing, parts_.capture.data_ring_fd());
  list.add(FdSlot::kCounters, parts_.capture.counters_fd());
  list.add(FdSlot::kListen, inputs_.listen.get());
  list.add(FdSlot::kOtlpJson, inputs_.otlp_json.get());
  const probes::SignalTableFds tables = parts_.capture.signal_tables();
  list.add(FdSlot::kSignalControl, tables.control);
  list.add(FdSlot::kSignalDistributions0, tables.distributions[0]);
  list.add(FdSlot::kSignalDistributions1, tables.distributions[1]);
  list.add(FdSlot::kSignalCounts0, tables.counts[0]);
  list.add(FdSlot::kSignalCounts1, tables.counts[1]);
  list.add(FdSlot::kSignalBooks, tables.books);
  list.add(FdSlot::kServiceCgroups, tables.service_cgroups);
  list.add(FdSlot::kListeners, tables.listeners);
  list.add(FdSlot::kSystemCallBooks, tables.system_call_books);
  list.add(FdSlot::kOomKills, tables.oom_kills);
  const probes::ProfileProbe::Maps profile = parts_.capture.profiling().maps;
  list.add(FdSlot::kProfileRing, profile.ring);
  list.add(FdSlot::kProfileNotices, profile.notices);
  list.add(FdSlot::kProfileBooks, profile.books);
  list.add(FdSlot::kUnwindSlabs, profile.slabs);
  list.add(FdSlot::kUnwindExecutables, profile.executables);
  list.add(FdSlot::kUnwindSpaces, profile.spaces);
  list.add(FdSlot::kUnwindProcesses, profile.processes);
  list.add(FdSlot::kPythonSpaces, profile.python_spaces);
  list.add(FdSlot::kHotspotSpaces, profile.hotspot_spaces);
  return channel.send(Hello{list.mask()}, list.fds());
}

void Supervisor::reload(WorkerInputs inputs) {
  inputs_.settings = std::move(inputs.settings);
  FdList list;
  auto settings = share_text(inputs_.settings);
  if (!settings) return spdlog::error("reload: {}; ignoring it", settings.error().text());
  list.add(FdSlot::kSettings, settings->get());
  list.add(FdSlot::kListen, inputs.listen.get());
  list.add(FdSlot::kOtlpJson, inputs.otlp_json.get());
  if (inputs.listen || inputs.listen_off) inputs_.listen = std::move(inputs.listen);
  if (inputs.otlp_json) inputs_.otlp_json = std::move(inputs.otlp_json);
  if (!channel_) return;  // between two workers: the next one starts with it
  parts_.notifier.reloading();
  if (auto sent = channel_->send(Reload{list.mask(), ++generation_}, list.fds()); !sent) {
    kill_worker("does not read: " + sent.error().text());
  }
}

void Supervisor::on_channel() {
  for (;;) {
    if (!channel_) return;
    auto received = channel_->receive();
    if (!received) {
      // Gone is for on_worker_end; a broken message is a broken worker.
      parts_.loop.forget(channel_->fd());
      if (received.error().kind == base::Error::Kind::kInvalid) {
        kill_worker(received.error().text());
      }
      return;
    }
    if (!received->has_value()) return;
    handle((*received)->message);
  }
}

void Supervisor::handle(const Message& message) {
  if (std::holds_alternative<Ready>(message)) {
    if (!ever_ready_) {
      ever_ready_ = true;
      if (on_ready_) on_ready_();
    }
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    on_heartbeat(*heartbeat);
  } else if (std::holds_alternative<Reloaded>(message)) {
    parts_.notifier.ready("reloaded");
    spdlog::info("the new configuration is in use");
  } else {
    kill_worker("sent a message that is not its to send");
  }
}

void Supervisor::on_heartbeat(const Heartbeat& heartbeat) {
  const bool moves = heartbeat.rounds != last_.rounds &&
                     (heartbeat.pending_bytes == 0 || heartbeat.records != last_.records);
  const uint64_t exchanges = heartbeat.exchanges;
  last_ = heartbeat;
  if (!moves) return;
  moved_ns_ = settings_.now_ns();
  parts_.notifier.alive();
  parts_.notifier.status(fmt::format("{} exchanges, {} records, {} restarts of the worker",
                                     exchanges, heartbeat.records, restarts_));
}

void Supervisor::on_requests() {
  if (!requests_) return;
  auto served = requests_->serve(settings_.now_ns());
  tick_bursts();  // it may have been asked to watch
  if (served) return;
  parts_.loop.forget(requests_->fd());
  if (served.error().kind != base::Error::Kind::kNotFound) kill_worker(served.error().text());
}

void Supervisor::on_second() {
  parts_.capture.on_second();
  parts_.ledger.page().recursion_misses.store(parts_.capture.recursion_misses(),
                                              std::memory_order_relaxed);
  if (!process_ || stopping_) return;
  if (settings_.now_ns() - moved_ns_ > settings_.hang_ns) kill_worker("does not move");
}

void Supervisor::tick_bursts() {
  const uint64_t now_ns = settings_.now_ns();
  const uint64_t next_ns = parts_.capture.tick_bursts(now_ns);
  if (next_ns == UINT64_MAX) return bursts_->cancel();
  bursts_->once(std::max<uint64_t>(next_ns > now_ns ? next_ns - now_ns : 0, 1'000'000));
}

void Supervisor::kill_worker(const std::string& why) {
  if (!process_) return;
  spdlog::error("the worker {}; killing it", why);
  ::kill(process_->pid, SIGKILL);
}

void Supervisor::forget_worker() {
  if (process_) parts_.loop.forget(process_->pidfd.get());
  if (channel_) parts_.loop.forget(channel_->fd());
  if (requests_) parts_.loop.forget(requests_->fd());
  process_.reset();
  channel_.reset();
  requests_.reset();
}

void Supervisor::on_worker_end() {
  if (!process_) return;
  int status = 0;
  rusage used{};
  if (::wait4(process_->pid, &status, WNOHANG, &used) != process_->pid) return;
  parts_.ledger.page().ended_workers_cpu_ns.fetch_add(
      nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime), std::memory_order_relaxed);
  on_channel();  // what it said last
  forget_worker();
  const bool clean = ended_clean_ = WIFEXITED(status) && WEXITSTATUS(status) == kExitOk;
  if (stopping_) return end(true);
  const bool hopeless = WIFEXITED(status) && WEXITSTATUS(status) == kExitUsage;
  if (!ever_ready_ && (hopeless || backoff_.failures() + 1 >= settings_.most_failures_at_start)) {
    spdlog::error("the worker ended with {} before it was ready; giving up", end_text(status));
    return end(false);
  }
  spdlog::error("the worker ended with {}{}; the probes stay attached, starting another",
                end_text(status), clean ? " unasked" : "");
  schedule_restart(settings_.now_ns() - launched_ns_);
}

void Supervisor::schedule_restart(uint64_t ran_ns) {
  if (process_) {  // launched, but not told what to do
    ::kill(process_->pid, SIGKILL);
    ::waitpid(process_->pid, nullptr, 0);
    forget_worker();
  }
  parts_.ledger.page().worker_restarts.store(++restarts_, std::memory_order_relaxed);
  restart_->once(backoff_.next_delay_ns(ran_ns));
}

void Supervisor::stop() {
  if (stopping_) return kill_worker("is asked to stop twice");
  stopping_ = true;
  parts_.notifier.stopping();
  restart_->cancel();
  if (!process_) return end(true);
  const uint64_t deadline_ns = settings_.now_ns() + settings_.stop_deadline_ns;
  deadline_->once(settings_.stop_deadline_ns + settings_.stop_margin_ns);
  if (auto sent = channel_->send(Stop{deadline_ns}); !sent) {
    kill_worker("cannot be told to stop: " + sent.error().text());
  }
}

void Supervisor::end(bool in_order) {
  if (std::exchange(ended_, true)) return;
  if (deadline_) deadline_->cancel();
  if (second_) second_->cancel();
  if (bursts_) bursts_->cancel();
  if (on_end_) on_end_(in_order);
}

}  // namespace hostlens::agent
