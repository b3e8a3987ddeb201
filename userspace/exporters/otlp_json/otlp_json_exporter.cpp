// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_json/otlp_json_exporter.h"

#include "exporters/otlp_json/encode_json.h"

namespace hostlens::exporters::otlp_json {

using base::DropReason;
using base::Stage;

OtlpJsonExporter::OtlpJsonExporter(base::UniqueFd fd, base::Ledger ledger)
    : writer_(std::move(fd)), ledger_(ledger) {}

OtlpJsonExporter::~OtlpJsonExporter() { shutdown(std::chrono::steady_clock::now()); }

base::Result<std::unique_ptr<OtlpJsonExporter>> OtlpJsonExporter::create(base::UniqueFd fd,
                                                                         size_t queue_bytes,
                                                                         base::Ledger ledger) {
  std::unique_ptr<OtlpJsonExporter> exporter(new OtlpJsonExporter(std::move(fd), ledger));
  BatchQueueSettings settings;
  settings.thread_name = "otlp-json";
  settings.stage = Stage::kExportOtlpJson;
  settings.bytes = queue_bytes;
  auto queue =
      BatchQueue::create(std::move(settings), ledger, exporter->time_,
                         [raw = exporter.get()](const BatchQueue& self, const Batch& batch) {
                           raw->consume(self, batch);
                         });
  if (!queue) return std::move(queue).error();
  exporter->queue_ = *std::move(queue);
  return exporter;
}

base::Result<void> OtlpJsonExporter::write(const BatchQueue& queue, std::string_view line) {
  auto written = writer_.write(line, [&queue] {
    const auto stop_at = queue.stop_at();
    return stop_at && std::chrono::steady_clock::now() >= *stop_at;
  });
  const std::lock_guard lock(mutex_);
  problem_ = written ? ""
                     : "OTLP JSON lines: " + written.error().text() +
                           "; what could not be written is dropped, the next line is tried";
  return written;
}

void OtlpJsonExporter::consume(const BatchQueue& queue, const Batch& batch) {
  if (batch.items != 0) {
    const auto written = write(queue, encode_spans(batch.spans));
    if (written) {
      ledger_.forwarded(Stage::kExportOtlpJson, batch.items);
    } else {
      const bool stopped = written.error().kind == base::Error::Kind::kBusy;
      ledger_.dropped(Stage::kExportOtlpJson,
                      stopped ? DropReason::kShutdown : DropReason::kRejected, batch.items);
    }
  }
  if (batch.metrics == nullptr) return;
  const std::string line = encode_metrics(*batch.metrics);
  if (!line.empty()) (void)write(queue, line);  // the next snapshot replaces what was lost
}

void OtlpJsonExporter::expect(uint64_t spans) noexcept { queue_->expect(spans); }

void OtlpJsonExporter::submit(std::shared_ptr<const model::SpanBatch> spans) noexcept {
  queue_->push(std::move(spans));
}

void OtlpJsonExporter::submit(std::shared_ptr<const model::MetricSnapshot> metrics) noexcept {
  queue_->push(std::move(metrics));
}

bool OtlpJsonExporter::flush(TimePoint deadline) noexcept { return queue_->flush(deadline); }

void OtlpJsonExporter::shutdown(TimePoint deadline) noexcept { queue_->shutdown(deadline); }

std::string OtlpJsonExporter::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace hostlens::exporters::otlp_json
