// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/profile_worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/exit_codes.h"
#include "agent/worker/late_symbols.h"
#include "base/clock.h"
#include "discovery/host_resource.h"
#include "exporters/profile/format.h"
#include "exporters/profile/function_shares.h"
#include "symbols/names/sample_outcome.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

constexpr size_t kFunctionsShown = 20;

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::errno_error("write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

double percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string times_by_cause(const model::Profile& profile) {
  std::map<std::string_view, uint64_t> times;
  for (const model::Profile::Entry& entry : profile.entries()) {
    times[profile.labels()[entry.labels].cause] += entry.weight;
  }
  std::vector<std::pair<uint64_t, std::string_view>> longest;
  for (const auto& [cause, ns] : times) longest.emplace_back(ns, cause);
  std::sort(longest.rbegin(), longest.rend());
  std::string text =
      fmt::format("hostlens: {:.3f} s off CPU", static_cast<double>(profile.total_weight()) / 1e9);
  for (const auto& [ns, cause] : longest) {
    text += fmt::format("{} [{}] {:.3f}", &longest.front().first == &ns ? ":" : ",", cause,
                        static_cast<double>(ns) / 1e9);
  }
  return text + "\n";
}

std::string losses(const probes::ProfileBooks& books) {
  if (books.ring_full == 0) return {};
  return fmt::format("hostlens: {} samples were lost for want of room\n", books.ring_full);
}

/// Nothing where no thread runs Python; what is not as it should be is told, and nothing else.
std::string python_summary(const symbols::PythonFigures& figures,
                           const std::array<uint64_t, PYTHON_OUTCOME_COUNT>& walks) {
  if (figures.samples == 0 && walks[PYTHON_LAYOUT] + walks[PYTHON_KEY] == 0) return {};
  std::string text =
      fmt::format("hostlens: Python in {} samples; {:.1f}% of its frames have a name",
                  figures.samples, percent(figures.named, figures.frames));
  const auto add = [&](uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("; {} {}", count, what);
  };
  add(figures.native_left, "loops of the interpreter without frames");
  add(figures.python_left, "frames without a place");
  add(walks[PYTHON_TRUNCATED], "stacks truncated");
  add(walks[PYTHON_MEMORY_FAULT], "not in memory");
  add(walks[PYTHON_LAYOUT] + walks[PYTHON_KEY], "of an interpreter that is not as released");
  return text + "\n";
}

std::string java_summary(const symbols::JavaFigures& figures) {
  if (figures.samples == 0) return {};
  return fmt::format("hostlens: Java in {} samples; {:.1f}% of its frames have a name\n",
                     figures.samples, percent(figures.named, figures.frames));
}

std::string wakers_told(const WakerFigures& wakers) {
  return fmt::format(
      "hostlens: {} sleeps were ended by threads, {} by interrupts, {} by nobody knows whom\n",
      wakers.threads, wakers.interrupts, wakers.unknown);
}

/// The same of JavaScript.
std::string v8_summary(const symbols::V8Figures& figures, uint64_t untold, uint64_t refused) {
  std::string text;
  if (figures.samples > 0) {
    text = fmt::format(
        "hostlens: JavaScript in {} samples; {:.1f}% of its functions have a name, {:.1f}% were "
        "inlined\n",
        figures.samples, percent(figures.named, figures.frames),
        percent(figures.inlined, figures.frames));
  }
  if (untold > 0) {
    text += fmt::format("hostlens: {} frames of compiled JavaScript may have inlined functions\n",
                        untold);
  }
  if (refused > 0) {
    text += fmt::format("hostlens: {} programs with a V8 that is not as released by Node.js\n",
                        refused);
  }
  return text;
}

std::string losses_off_cpu(const probes::ProfileBooks& books) {
  std::string text;
  if (books.over_budget > 0) {
    text += fmt::format(
        "hostlens: {} waits more had no stack of their own: the stacks are a sample by duration\n",
        books.over_budget);
  }
  if (books.lost_ns > 0) {
    text += fmt::format("hostlens: {:.3f} s off CPU were lost for want of room\n",
                        static_cast<double>(books.lost_ns) / 1e9);
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<ProfileWorker>> ProfileWorker::create(EventLoop& loop, Channel channel,
                                                             ProfileJob job, SlotFds fds) {
  std::unique_ptr<ProfileWorker> worker(
      new ProfileWorker(loop, std::move(channel), std::move(job)));
  if (auto built = worker->build(std::move(fds)); !built) return std::move(built).error();
  return worker;
}

Result<void> ProfileWorker::build(SlotFds fds) {
  const auto slot = [&](FdSlot which) { return std::move(fds[static_cast<size_t>(which)]); };
  host_ = std::make_unique<RemoteHostAccess>(Channel(slot(FdSlot::kRequests)));
  discovery::ProcessTableSettings table;
  table.host = discovery::read_host_resource();
  auto processes = discovery::ProcessTable::create(std::move(table), *host_);
  if (!processes) return std::move(processes).error();
  processes_ = *std::move(processes);
  model::Profile::Settings profile;
  profile.kind = job_.off_cpu ? model::ProfileKind::kOffCpu : model::ProfileKind::kCpu;
  profile.hz = job_.off_cpu ? 0 : job_.hz;
  profile.start_unix_ns = base::unix_now_ns();
  profile.max_bytes = 256U << 20;
  profile_ = std::make_unique<model::Profile>(profile);
  ProfilePipelineSettings settings;
  settings.targets_only = job_.target_pid != 0;
  settings.target_pid = job_.target_pid;
  settings.wakers = job_.wakers;
  settings.debuginfod.urls = job_.debuginfod;
  if (!job_.unit.empty() || !job_.service.empty()) {
    settings.wanted = [this](uint32_t pid) { return wants(pid); };
  }
  ProfilePipelineFds pipeline_fds{
      slot(FdSlot::kProfileRing),
      slot(FdSlot::kProfileNotices),
      slot(FdSlot::kProfileBooks),
      {slot(FdSlot::kUnwindSlabs), slot(FdSlot::kUnwindExecutables), slot(FdSlot::kUnwindSpaces),
       slot(FdSlot::kUnwindProcesses), slot(FdSlot::kPythonSpaces), slot(FdSlot::kHotspotSpaces)}};
  auto pipeline =
      ProfilePipeline::open(std::move(pipeline_fds), *host_, std::move(settings),
                            [this](model::Sample&& sample) { take(std::move(sample)); });
  if (!pipeline) return std::move(pipeline).error();
  pipeline_ = *std::move(pipeline);
  return {};
}

Result<void> ProfileWorker::start() {
  if (auto watched = loop_.watch(channel_.fd(), [this] { on_channel(); }); !watched) return watched;
  if (auto watched = loop_.watch(pipeline_->notices_fd(), [this] { pipeline_->on_notices(); });
      !watched) {
    return watched;
  }
  auto round = loop_.timer([this] { on_round(); });
  if (!round) return std::move(round).error();
  round_ = *std::move(round);
  round_->every(kRoundNs);
  pipeline_->on_round();  // what runs already has its tables before it is sampled much
  begin_ns_ = last_second_ns_ = base::monotonic_now_ns();
  return channel_.send(Ready{});
}

bool ProfileWorker::wants(uint32_t pid) {
  const auto process = processes_->resolve(pid);
  if (process == nullptr || process->service == nullptr) return false;
  if (!job_.service.empty() && process->service->name != job_.service) return false;
  const std::string_view unit =
      discovery::text_of(process->service->resource, "hostlens.systemd.unit");
  return job_.unit.empty() || unit == job_.unit || unit == job_.unit + ".service";
}

void ProfileWorker::take(model::Sample&& sample) {
  const auto process = processes_->resolve(sample.process.pid);
  if (process != nullptr) {
    sample.process_name = process->executable;
    if (process->service != nullptr) {
      sample.service = process->service->name;
      sample.container = discovery::text_of(process->service->resource, "container.id");
    }
  }
  profile_->add(sample);
}

void ProfileWorker::on_round() {
  ++rounds_;
  pipeline_->on_round();
  const uint64_t now_ns = base::monotonic_now_ns();
  if (now_ns - last_second_ns_ < kSecondNs) return;
  last_second_ns_ = now_ns;
  processes_->tick(now_ns);
  const uint64_t samples = pipeline_->figures().samples;
  (void)channel_.send(Heartbeat{rounds_, samples, samples, 0});
}

void ProfileWorker::on_channel() {
  for (;;) {
    auto received = channel_.receive();
    if (!received) {
      exit_code_ = kExitFailure;
      return loop_.stop();
    }
    if (!received->has_value()) return;
    if (std::holds_alternative<Stop>((*received)->message)) return finish();
  }
}

void ProfileWorker::finish() {
  round_->cancel();
  pipeline_->drain();
  profile_->set_duration(base::monotonic_now_ns() - begin_ns_);
  take_late_names();
  print_summary(*profile_);
  if (!write_outputs(*profile_)) exit_code_ = kExitFailure;
  loop_.stop();
}

void ProfileWorker::take_late_names() {
  symbols::SymbolDownloads* const downloads = pipeline_->downloads();
  if (downloads == nullptr) return;
  wait_for_symbols(*downloads);
  named_late_ = name_late(*profile_, *host_);
}

bool ProfileWorker::write_outputs(const model::Profile& profile) {
  if (job_.outputs.empty()) {
    auto terminal = host_->open_output(0);
    return terminal &&
           write_all(terminal->get(), exporters::profile::function_table(profile, kFunctionsShown))
               .has_value();
  }
  bool all = true;
  for (uint32_t index = 0; index < job_.outputs.size(); ++index) {
    const std::string& name = job_.outputs[index];
    const auto write = [&]() -> Result<void> {
      auto format = exporters::profile::format_of_file(name);
      if (!format) return std::move(format).error();
      auto bytes = exporters::profile::write_profile(profile, *format, job_.title);
      if (!bytes) return std::move(bytes).error();
      auto file = host_->open_output(index);
      if (!file) return std::move(file).error();
      return write_all(file->get(), *bytes);
    };
    if (auto written = write(); !written) {
      spdlog::error("{}: {}", name, written.error().text());
      all = false;
    }
  }
  return all;
}

void ProfileWorker::print_summary(const model::Profile& profile) const {
  const ProfilePipelineFigures figures = pipeline_->figures();
  std::string broken;
  for (uint8_t outcome = 0; outcome < PROFILE_OUTCOME_COUNT; ++outcome) {
    if (figures.broken[outcome] == 0) continue;
    broken += fmt::format("{}{} {}", broken.empty() ? " (others: " : ", ", figures.broken[outcome],
                          symbols::outcome_text(static_cast<profile_outcome>(outcome)));
  }
  if (!broken.empty()) broken += ")";
  std::string text = fmt::format(
      "hostlens: {} {} in {:.1f} s; {:.2f}% of stacks whole{}; {:.1f}% of frames have a name\n",
      figures.samples, job_.off_cpu ? "waits" : "samples",
      static_cast<double>(profile.settings().duration_ns) / 1e9,
      percent(figures.complete, figures.samples), broken,
      percent(figures.named + named_late_, figures.frames));
  if (symbols::SymbolDownloads* const downloads = pipeline_->downloads(); downloads != nullptr) {
    text += downloads_told(downloads->counts(), downloads->waiting());
  }
  if (job_.off_cpu) text += times_by_cause(profile);
  if (job_.wakers) text += wakers_told(pipeline_->wakers());
  if (const auto books = pipeline_->books()) {
    text += python_summary(pipeline_->python(), books->python);
    text += java_summary(pipeline_->java());
    text += v8_summary(pipeline_->v8(), pipeline_->v8_untold(), pipeline_->v8s_refused());
    text += job_.off_cpu ? losses_off_cpu(*books) : losses(*books);
    if (figures.garbage > 0)
      text += fmt::format("hostlens: {} unreadable records\n", figures.garbage);
  }
  if (profile.overflowed() > 0) {
    text += fmt::format("hostlens: {} samples are in [other]: the profile was full\n",
                        profile.overflowed());
  }
  std::fputs(text.c_str(), stderr);
}

}  // namespace hostlens::agent
