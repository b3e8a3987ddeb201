// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/otlp_exporter.h"

#include <atomic>
#include <chrono>

#include "exporters/otlp/delivery.h"
#include "exporters/otlp/encode_metrics.h"
#include "exporters/otlp/encode_profiles.h"
#include "exporters/otlp/encode_traces.h"
#include "exporters/version.h"

namespace hostlens::exporters::otlp {
namespace {

using base::DropReason;
using base::Stage;
using End = Delivery::Outcome::End;

/// `items`: spans or samples.
void keep_books(base::Ledger ledger, Stage stage, uint64_t items,
                const Delivery::Outcome& outcome) {
  const auto drop = [&](DropReason reason, uint64_t count) {
    ledger.dropped(stage, reason, count);
  };
  switch (outcome.end) {
    case End::kDelivered:
      ledger.forwarded(stage, items - outcome.rejected);
      return drop(DropReason::kRejected, outcome.rejected);
    case End::kRefused: {
      const bool unsupported = outcome.absent && stage == Stage::kExportOtlpProfiles;
      return drop(unsupported ? DropReason::kUnsupported : DropReason::kRejected, items);
    }
    case End::kExhausted:
      return drop(DropReason::kRetryExhausted, items);
    case End::kShutdown:
    case End::kSuperseded:  // of metrics alone
      return drop(DropReason::kShutdown, items);
  }
}

/// Whose books a signal keeps; of metrics a later snapshot makes up for what is lost.
Stage stage_of(Signal signal) {
  return signal == Signal::kProfiles ? Stage::kExportOtlpProfiles : Stage::kExportOtlp;
}

const SignalSettings& settings_of(const OtlpSettings& settings, Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return settings.traces;
    case Signal::kMetrics:
      return settings.metrics;
    case Signal::kProfiles:
      break;
  }
  return settings.profiles;
}

}  // namespace

struct OtlpExporter::Lane {
  /// A receiver that takes no profiles is asked again after so long.
  static constexpr std::chrono::hours kAskAgain{1};

  Delivery delivery;
  TraceEncoder encoder;
  const base::Ledger ledger;
  TimeSource& time;
  std::atomic<TimePoint> unsupported_until{TimePoint::min()};
  std::unique_ptr<BatchQueue> queue;  ///< last: its thread uses the others

  Lane(Signal signal, std::unique_ptr<HttpSender> sender, RetrySettings retry, TimeSource& clock,
       base::Ledger books)
      : delivery(signal, std::move(sender), retry, clock), ledger(books), time(clock) {}

  void consume(const Batch& batch) {
    for (const auto& spans : batch.spans) {
      for (const model::Span& span : *spans) {
        encoder.add(span);
        if (encoder.full()) send_spans();
      }
    }
    send_spans();
    for (const auto& profile : batch.profiles) send_profile(*profile);
    if (batch.metrics == nullptr) return;
    for (const EncodedRequest& request : encode_metrics(*batch.metrics)) {
      const End end = delivery.deliver(*queue_in_use, request).end;
      if (end == End::kSuperseded || end == End::kShutdown) return;
    }
  }

  void send_spans() {
    const EncodedRequest request = encoder.finish();
    if (request.items == 0) return;
    keep_books(ledger, Stage::kExportOtlp, request.items, delivery.deliver(*queue_in_use, request));
  }

  void send_profile(const model::ProfileBatch& batch) {
    encode_profiles(batch, [&](const EncodedRequest& request) {
      const Delivery::Outcome outcome = delivery.deliver(*queue_in_use, request);
      if (outcome.absent) unsupported_until = time.now() + kAskAgain;
      keep_books(ledger, Stage::kExportOtlpProfiles, request.items, outcome);
    });
  }

  /// The queue as its own thread got it: that thread may run before `queue` is assigned.
  BatchQueue* queue_in_use = nullptr;

  static base::Result<std::unique_ptr<Lane>> create(Signal signal, const OtlpSettings& settings,
                                                    base::Ledger ledger, TimeSource& time) {
    std::string agent = settings.user_agent;
    if (agent.empty()) agent = "OTel-OTLP-Exporter-Hostlens/" + std::string(agent_version());
    auto sender = HttpSender::create(settings_of(settings, signal), agent);
    if (!sender) return std::move(sender).error();
    auto lane = std::make_unique<Lane>(signal, *std::move(sender), settings.retry, time, ledger);
    BatchQueueSettings queue_settings;
    queue_settings.thread_name = "otlp-" + std::string(to_string(signal));
    queue_settings.stage = stage_of(signal);
    queue_settings.bytes = settings.queue_bytes;
    auto queue = BatchQueue::create(std::move(queue_settings), ledger, time,
                                    [raw = lane.get()](BatchQueue& self, const Batch& batch) {
                                      raw->queue_in_use = &self;
                                      raw->consume(batch);
                                    });
    if (!queue) return std::move(queue).error();
    lane->queue = *std::move(queue);
    return lane;
  }
};

OtlpExporter::OtlpExporter() = default;

OtlpExporter::~OtlpExporter() { shutdown(std::chrono::steady_clock::now()); }

base::Result<std::unique_ptr<OtlpExporter>> OtlpExporter::create(const OtlpSettings& settings,
                                                                 base::Ledger ledger) {
  static TimeSource steady_time;  // holds nothing
  return create(settings, ledger, steady_time);
}

base::Result<std::unique_ptr<OtlpExporter>> OtlpExporter::create(const OtlpSettings& settings,
                                                                 base::Ledger ledger,
                                                                 TimeSource& time) {
  std::unique_ptr<OtlpExporter> exporter(new OtlpExporter());
  for (const auto& [signal, place] : {std::pair(Signal::kTraces, &exporter->traces_),
                                      std::pair(Signal::kMetrics, &exporter->metrics_),
                                      std::pair(Signal::kProfiles, &exporter->profiles_)}) {
    if (settings_of(settings, signal).url.empty()) continue;
    auto lane = Lane::create(signal, settings, ledger, time);
    if (!lane) return std::move(lane).error();
    *place = *std::move(lane);
  }
  return exporter;
}

void OtlpExporter::expect(uint64_t spans) noexcept {
  if (traces_) traces_->queue->expect(spans);
}

void OtlpExporter::submit(std::shared_ptr<const model::SpanBatch> spans) noexcept {
  if (traces_) traces_->queue->push(std::move(spans));
}

void OtlpExporter::submit(std::shared_ptr<const model::MetricSnapshot> metrics) noexcept {
  if (metrics_) metrics_->queue->push(std::move(metrics));
}

void OtlpExporter::submit(std::shared_ptr<const model::ProfileBatch> profile) noexcept {
  if (!profiles_ || profile == nullptr) return;
  if (profiles_->time.now() < profiles_->unsupported_until.load()) return;
  profiles_->queue->expect(profile->profile.total_count());
  profiles_->queue->push(std::move(profile));
}

bool OtlpExporter::flush(TimePoint deadline) noexcept {
  bool done = true;
  for (const auto* lane : {&traces_, &metrics_, &profiles_}) {
    if (*lane) done = (*lane)->queue->flush(deadline) && done;
  }
  return done;
}

void OtlpExporter::shutdown(TimePoint deadline) noexcept {
  for (const auto* lane : {&traces_, &metrics_, &profiles_}) {
    if (*lane) (*lane)->delivery.cancel_at(deadline);
  }
  for (const auto* lane : {&traces_, &metrics_, &profiles_}) {
    if (*lane) (*lane)->queue->shutdown(deadline);
  }
}

std::string OtlpExporter::problem() const {
  for (const auto* lane : {&traces_, &metrics_, &profiles_}) {
    if (!*lane) continue;
    std::string text = (*lane)->delivery.problem();
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace hostlens::exporters::otlp
