// SPDX-License-Identifier: Apache-2.0
// OTLP JSON lines to an open file: the form of the OpenTelemetry "File Exporter" specification.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/ledger.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "exporters/batch_queue.h"
#include "exporters/exporter.h"
#include "exporters/otlp_json/line_writer.h"

namespace hostlens::exporters::otlp_json {

/// One request per line, traces and metrics in one file. A line that cannot be written (full disk,
/// closed pipe) is dropped{rejected}. Keeps the books of Stage::kExportOtlpJson.
class OtlpJsonExporter final : public Exporter {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<OtlpJsonExporter>> create(base::UniqueFd fd,
                                                                              size_t queue_bytes,
                                                                              base::Ledger ledger);
  ~OtlpJsonExporter() override;

  [[nodiscard]] std::string_view name() const override { return "otlp_json"; }
  void expect(uint64_t spans) noexcept override;
  void submit(std::shared_ptr<const model::SpanBatch> spans) noexcept override;
  void submit(std::shared_ptr<const model::MetricSnapshot> metrics) noexcept override;
  bool flush(TimePoint deadline) noexcept override;
  void shutdown(TimePoint deadline) noexcept override;
  [[nodiscard]] std::string problem() const override;

 private:
  OtlpJsonExporter(base::UniqueFd fd, base::Ledger ledger);
  void consume(const BatchQueue& queue, const Batch& batch);
  [[nodiscard]] base::Result<void> write(const BatchQueue& queue, std::string_view line);

  LineWriter writer_;
  const base::Ledger ledger_;
  TimeSource time_;
  mutable std::mutex mutex_;
  std::string problem_;
  std::unique_ptr<BatchQueue> queue_;  ///< last: its thread uses the others
};

}  // namespace hostlens::exporters::otlp_json
