// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/profile_pipeline.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "aggregators/blocked_cause_name.h"
#include "base/clock.h"
#include "decoders/profile_decoder.h"
#include "kernel/ring_reader.h"
#include "symbols/names/sample_outcome.h"

namespace hostlens::agent {

using base::Result;
using decoders::DecodeStatus;

namespace {

std::string cause_text(uint8_t cause) {
  switch (cause) {
    case 0:
      return {};
    case PROFILE_CAUSE_RUNQUEUE:
      return "runqueue";
    case PROFILE_CAUSE_SHORT:
      return "short";
    default:
      return aggregators::blocked_cause_name(cause);
  }
}

/// What is nearer to the leaf than who called the scheduler: the scheduler and our own hook.
void drop_scheduler(model::Stack& stack) {
  constexpr size_t kMost = 12;
  constexpr std::string_view kNames[] = {"__schedule", "schedule", "schedule_idle",
                                         "schedule_tail"};
  size_t drop = 0;
  size_t seen = 0;
  for (const model::Frame& frame : stack) {
    if (seen++ == kMost) break;
    if (frame.kind != model::Frame::Kind::kKernel || frame.function == nullptr) continue;
    const bool is_scheduler =
        std::find(std::begin(kNames), std::end(kNames), frame.function->name) != std::end(kNames);
    if (is_scheduler) drop = seen;
  }
  for (; drop > 0; --drop) stack.pop();
}

}  // namespace

ProfilePipeline::ProfilePipeline(ProfilePipelineSettings settings, OnSample on_sample)
    : settings_(std::move(settings)),
      scope_(settings_.targets_only ? MappingScope::of_targets(settings_.target_pid)
                                    : MappingScope::of_host(settings_.wanted)),
      on_sample_(std::move(on_sample)) {}

Result<std::unique_ptr<ProfilePipeline>> ProfilePipeline::open(ProfilePipelineFds fds,
                                                               RemoteHostAccess& host,
                                                               ProfilePipelineSettings settings,
                                                               OnSample on_sample) {
  std::unique_ptr<ProfilePipeline> pipeline(
      new ProfilePipeline(std::move(settings), std::move(on_sample)));
  auto ring = kernel::RingReader::open(std::move(fds.ring));
  if (!ring) return std::move(ring).error().with_context("samples");
  auto notices = kernel::RingReader::open(std::move(fds.notices));
  if (!notices) return std::move(notices).error().with_context("notices of the sampler");
  auto tables =
      probes::UnwindTables::open(std::move(fds.tables), host, pipeline->settings_.table_bytes);
  if (!tables) return std::move(tables).error().with_context("unwind tables");
  pipeline->opened_ns_ = base::monotonic_now_ns();  // the tables are empty from here on
  pipeline->ring_ = *std::move(ring);
  pipeline->notices_ = *std::move(notices);
  pipeline->tables_ = *std::move(tables);
  pipeline->books_ = std::move(fds.books);
  pipeline->tracker_ = std::make_unique<symbols::CodeTracker>(
      *pipeline->tables_, host, host, host,
      [raw = pipeline.get()](uint32_t pid) { return raw->scope_.includes(pid); });
  pipeline->mender_ = std::make_unique<symbols::SampleMender>(
      *pipeline->tables_, *pipeline->tracker_, host,
      [raw = pipeline.get()](decoders::ProfileSample&& sample) { raw->take(std::move(sample)); });
  if (auto opened = pipeline->open_downloads(host); !opened) return std::move(opened).error();
  pipeline->namer_ = std::make_unique<symbols::SampleNamer>(*pipeline->tracker_, host, host, host,
                                                            pipeline->downloads_.get());
  return pipeline;
}

Result<void> ProfilePipeline::open_downloads(kernel::DebugCache& cache) {
  if (settings_.debuginfod.urls.empty()) return {};
  auto downloads = symbols::SymbolDownloads::start(settings_.debuginfod, cache);
  if (!downloads) return std::move(downloads).error();
  downloads_ = *std::move(downloads);
  return {};
}

void ProfilePipeline::on_notices() {
  const uint64_t now_ns = base::monotonic_now_ns();
  notices_->consume([&](base::Bytes bytes) {
    decoders::ProfileNotice notice;
    if (decoders::decode_profile_notice(bytes, notice) != DecodeStatus::kOk) {
      ++figures_.garbage;
      return;
    }
    scope_.on_notice(notice.process.pid);
    tracker_->on_notice(notice, now_ns);
  });
  build_tables();
}

/// After a storm of short programs the heap is full of holes.
void ProfilePipeline::give_memory_back() {
  const uint64_t forgotten = tracker_->files().forgotten;
  if (forgotten != forgotten_) namer_->forget_gone();
  forgotten_ = forgotten;
  const uint64_t gone = forgotten + namer_->statistics().evicted;
  if (gone - trimmed_at_ < kGoneToTrim) return;
  trimmed_at_ = gone;
  ::malloc_trim(0);
}

void ProfilePipeline::build_tables() {
  const uint64_t end_ns = base::monotonic_now_ns() + kBuildNs;
  const uint64_t begin_cpu_ns = base::thread_cpu_now_ns();
  for (uint64_t now_ns = base::monotonic_now_ns(); now_ns < end_ns;
       now_ns = base::monotonic_now_ns()) {
    if (!tracker_->build_next(now_ns)) break;
  }
  figures_.tables_ns += base::thread_cpu_now_ns() - begin_cpu_ns;
}

ProfilePipelineFigures ProfilePipeline::figures() const {
  ProfilePipelineFigures figures = figures_;
  figures.tables_built = tracker_->tables().built;
  figures.tables = tables_->figures();
  figures.refused = namer_->statistics().refused;
  figures.refused.count(symbols::Refusals::Reason::kUnsupported, v8s_refused());
  if (downloads_ != nullptr) {
    figures.downloads = downloads_->counts();
    symbols::count_refused(figures.downloads, figures.refused);
  }
  return figures;
}

void ProfilePipeline::on_round() {
  const uint64_t now_ns = base::monotonic_now_ns();
  if (visited_ns_ == 0 || now_ns - visited_ns_ >= kVisitNs) {
    visited_ns_ = now_ns;
    if (auto visited = tracker_->visit(now_ns); !visited) {
      spdlog::warn("{}; some stacks are not unwound", visited.error().text());
    }
    scope_.forget_ended([this](uint32_t pid) { return tables_->process(pid).has_value(); });
    give_memory_back();
  }
  namer_->take_downloads();
  (void)tracker_->read_again(now_ns);
  build_tables();
  read_ring();
  mender_->mend(base::monotonic_now_ns());
}

void ProfilePipeline::drain() {
  on_notices();
  read_ring();
  while (mender_->waiting() > 0) {
    (void)tracker_->read_again(base::monotonic_now_ns());
    // Those that are left when no table is awaited any more are as good as they get.
    if (tracker_->build_next(base::monotonic_now_ns())) {
      mender_->mend(base::monotonic_now_ns());
    } else {
      mender_->mend(base::monotonic_now_ns() + symbols::SampleMender::kPatienceNs);
    }
  }
}

void ProfilePipeline::read_ring() {
  ring_->consume([&](base::Bytes bytes) {
    decoders::ProfileSample sample;
    const DecodeStatus status = decoders::decode_profile_sample(bytes, sample);
    if (status == DecodeStatus::kOk && sample.time_ns < opened_ns_) {
      ++figures_.stale;
    } else if (status == DecodeStatus::kOk) {
      mender_->on_sample(std::move(sample));
    } else if (status == DecodeStatus::kType) {
      read_other(bytes);
    } else {
      ++figures_.garbage;
    }
  });
}

void ProfilePipeline::read_other(base::Bytes bytes) {
  decoders::ProfileRaw raw;
  decoders::ProfileWaker waker;
  if (decoders::decode_profile_raw(bytes, raw) == DecodeStatus::kOk) {
    mender_->on_raw(raw);
  } else if (decoders::decode_profile_waker(bytes, waker) == DecodeStatus::kOk) {
    if (waker.stack.time_ns >= opened_ns_) mender_->on_waker(std::move(waker));
  } else {
    ++figures_.garbage;
  }
}

void ProfilePipeline::add_waker(const decoders::ProfileSample& sleep, model::Sample& named) {
  if (sleep.cause == 0 || sleep.cause == PROFILE_CAUSE_RUNQUEUE) return;
  if (sleep.woken_by == decoders::WokenBy::kInterrupt) return wakers_.add_interrupt(named);
  if (sleep.waker == nullptr) return wakers_.add_unknown();
  decoders::ProfileSample stack = sleep.waker->stack;
  if (settings_.wanted && !settings_.wanted(stack.process.pid)) {
    stack.frames.clear();
    stack.python_frames.clear();
  }
  wakers_.add_thread(named, namer_->name(stack), sleep.waker->how);
}

void ProfilePipeline::take(decoders::ProfileSample&& sample) {
  if (settings_.wanted && !settings_.wanted(sample.process.pid)) {
    ++figures_.unwanted;
    return;
  }
  model::Sample named = namer_->name(sample);
  named.cause = cause_text(sample.cause);
  if (sample.cause != 0) drop_scheduler(named.stack);
  if (sample.outcome == PROFILE_NO_STACK) return on_sample_(std::move(named));
  ++figures_.samples;
  if (symbols::is_complete(named, sample.outcome)) {
    named.outcome = symbols::outcome_text(PROFILE_COMPLETE);
    ++figures_.complete;
  } else {
    ++figures_.broken[sample.outcome];
  }
  for (const auto& [nameless, with_name] : named.stack.counts()) {
    figures_.frames += nameless + with_name;
    figures_.named += with_name;
  }
  if (settings_.wakers) add_waker(sample, named);
  on_sample_(std::move(named));
}

Result<probes::ProfileBooks> ProfilePipeline::books() const {
  return probes::read_profile_books(books_.get());
}

}  // namespace hostlens::agent
