// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/continuous_profile.h"

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

#include "base/clock.h"
#include "discovery/host_resource.h"
#include "symbols/names/refusals.h"

namespace hostlens::agent {
namespace {

/// The governor looks at so long a time at once: long enough for a table or two to be no alarm.
constexpr uint64_t kGovernNs = 5'000'000'000;
/// Below this share of the budget twice the rate would still fit.
constexpr double kRoom = 0.4;

double seconds(uint64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

ContinuousProfile::ContinuousProfile(Parts parts, const ProfileSettings& settings, uint64_t now_ns)
    : parts_(std::move(parts)),
      settings_(settings),
      recordings_({settings.cpu ? static_cast<uint32_t>(settings.hz) : 0, settings.off_cpu,
                   settings.stack_bytes}),
      metrics_(settings.functions),
      cpu_(new_batch(model::ProfileKind::kCpu)),
      off_cpu_(new_batch(model::ProfileKind::kOffCpu)),
      interval_begin_ns_(now_ns),
      governed_ns_(now_ns) {}

void ContinuousProfile::reload(const ProfileSettings& settings) {
  settings_.cpu_budget = settings.cpu_budget;
  settings_.stack_bytes = settings.stack_bytes;
  settings_.functions = settings.functions;
  metrics_.set_functions(settings.functions);
}

std::unique_ptr<model::ProfileBatch> ContinuousProfile::new_batch(model::ProfileKind kind) const {
  model::Profile::Settings settings;
  settings.kind = kind;
  settings.hz = kind == model::ProfileKind::kCpu ? static_cast<uint32_t>(settings_.hz) : 0;
  settings.start_unix_ns = base::unix_now_ns();
  settings.max_bytes = settings_.stack_bytes;
  settings.by_span = true;
  auto batch = std::make_unique<model::ProfileBatch>(settings);
  batch->agent = parts_.agent;
  return batch;
}

void ContinuousProfile::on_round(uint64_t now_ns) {
  take(parts_.thread->take());
  settle(now_ns, kSettleNs, kPatienceNs);
  recordings_.tick(now_ns);
}

void ContinuousProfile::take(std::vector<model::Sample>&& samples) {
  for (model::Sample& sample : samples) {
    // While the process is sure to be known still.
    const auto process = parts_.processes.resolve(sample.process.pid);
    if (process != nullptr && process->key == sample.process) {
      sample.process_name = process->executable;
      if (process->service != nullptr) {
        sample.service = process->service->name;
        sample.container = discovery::text_of(process->service->resource, "container.id");
        auto& batch = sample.cause.empty() ? cpu_ : off_cpu_;
        batch->services.try_emplace(sample.process, process->service);
      }
    }
    waiting_.push_back(std::move(sample));
  }
}

void ContinuousProfile::settle(uint64_t now_ns, uint64_t settle_ns, uint64_t patience_ns) {
  std::deque<model::Sample> still;
  while (!waiting_.empty()) {
    model::Sample& sample = waiting_.front();
    const uint64_t age_ns = now_ns - std::min(now_ns, sample.monotonic_ns);
    const bool must_go = waiting_.size() + still.size() > kMostWaiting;
    if (age_ns < settle_ns && !must_go) break;  // they are in the order of their times, about
    processors::ServedRequest request;
    const auto answer = parts_.activity.at(sample.tid, sample.monotonic_ns, request);
    if (answer == processors::ThreadActivity::Answer::kOpen && age_ns < patience_ns && !must_go) {
      still.push_back(std::move(sample));
    } else {
      if (answer == processors::ThreadActivity::Answer::kServing) {
        sample.route = std::move(request.route);
        sample.trace_id = request.trace_id;
        sample.span_id = request.span_id;
      }
      add(std::move(sample), now_ns);
    }
    waiting_.pop_front();
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(still.begin()),
                  std::make_move_iterator(still.end()));
}

void ContinuousProfile::add(model::Sample&& sample, uint64_t now_ns) {
  const bool of_cpu = sample.cause.empty();
  model::ProfileBatch& batch = of_cpu ? *cpu_ : *off_cpu_;
  const auto found = batch.services.find(sample.process);
  const auto service = found == batch.services.end() ? nullptr : found->second;
  const uint64_t cpu_ns = of_cpu ? sample.weight * 1'000'000'000 / settings_.hz : 0;
  metrics_.add(sample, service, cpu_ns, now_ns);
  if (keeps_batches_) batch.profile.add(sample);
  recordings_.add(sample);
}

std::vector<ContinuousProfile::Batch> ContinuousProfile::end_interval(uint64_t now_ns) {
  std::vector<Batch> ended;
  for (auto* batch : {&cpu_, &off_cpu_}) {
    const model::ProfileKind kind = (*batch)->profile.settings().kind;
    auto next = new_batch(kind);
    // Of samples that wait.
    for (const model::Sample& sample : waiting_) {
      const auto found = (*batch)->services.find(sample.process);
      if (found != (*batch)->services.end()) next->services.insert(*found);
    }
    std::swap(*batch, next);
    if (next->profile.total_count() == 0) continue;
    next->profile.set_duration(now_ns - interval_begin_ns_);
    ended.push_back(std::move(next));
  }
  interval_begin_ns_ = now_ns;
  return ended;
}

void ContinuousProfile::finish(uint64_t now_ns) {
  parts_.thread->finish();
  take(parts_.thread->take());
  settle(now_ns, 0, 0);
}

void ContinuousProfile::on_second(uint64_t now_ns) {
  if (settings_.cpu && now_ns - governed_ns_ >= kGovernNs) govern(now_ns);
}

void ContinuousProfile::govern(uint64_t now_ns) {
  const auto books = parts_.thread->books();
  if (!books) return;
  const ProfilePipelineFigures figures = parts_.thread->figures();
  const uint64_t thread_ns = parts_.thread->cpu_ns();
  // Tables are built once, however many samples are taken.
  const uint64_t cost_ns = books->sampler_ns + thread_ns - std::min(thread_ns, figures.tables_ns);
  const double used =
      seconds(cost_ns - std::min(cost_ns, governed_cost_ns_)) / seconds(now_ns - governed_ns_);
  governed_cost_ns_ = cost_ns;
  governed_ns_ = now_ns;
  uint32_t one_in = one_in_;
  if (used > settings_.cpu_budget && one_in < kernel::HostAccess::kMostOneIn) one_in *= 2;
  if (used < settings_.cpu_budget * kRoom && one_in > 1) one_in /= 2;
  if (one_in == one_in_) return;
  if (auto set = parts_.host.take_one_sample_in(one_in); !set) {
    return spdlog::warn("profiles: {}", set.error().text());
  }
  spdlog::info(
      "profiles take {:.2f}% of a core, {:.2f}% are allowed: one in {} samples from now on",
      used * 100, settings_.cpu_budget * 100, one_in);
  one_in_ = one_in;
}

void ContinuousProfile::refresh_families(uint64_t start_unix_ns, uint64_t now_ns,
                                         uint64_t idle_ns) {
  const ProfilePipelineFigures figures = parts_.thread->figures();
  aggregators::ProfileAccount account;
  account.table_bytes = figures.tables.slab_bytes;
  account.table_evictions = figures.tables.evictions;
  account.tables_built = figures.tables_built;
  account.tables_seconds = seconds(figures.tables_ns);
  const uint64_t thread_ns = parts_.thread->cpu_ns();
  account.naming_seconds = seconds(thread_ns - std::min(thread_ns, figures.tables_ns));
  if (const auto books = parts_.thread->books()) {
    account.sampler_runs = books->sampler_runs;
    account.sampler_seconds = seconds(books->sampler_ns);
    account.lost_ring = books->ring_full;
  }
  account.lost_late = parts_.thread->let_go() + figures.stale;
  account.lost_unreadable = figures.garbage;
  if (settings_.cpu) account.hz = static_cast<double>(settings_.hz) / one_in_;
  for (size_t i = 0; i < symbols::Refusals::kNames.size(); ++i) {
    account.refused.emplace_back(symbols::Refusals::kNames[i], figures.refused.counts()[i]);
  }
  for (size_t i = 0; i < symbols::kDownloadNames.size(); ++i) {
    account.downloads.emplace_back(symbols::kDownloadNames[i], figures.downloads[i]);
  }
  families_.clear();
  metrics_.add_families(families_, account, start_unix_ns, now_ns, idle_ns);
}

}  // namespace hostlens::agent
