// SPDX-License-Identifier: Apache-2.0
// OTLP/HTTP with protobuf: traces, metrics and profiles. Rules: OpenTelemetry Protocol
// specification 1.11.
#pragma once

#include <memory>

#include "base/ledger.h"
#include "base/result.h"
#include "exporters/batch_queue.h"
#include "exporters/exporter.h"
#include "exporters/otlp/settings.h"

namespace hostlens::exporters::otlp {

/// Each signal has a thread and a connection of its own, so that a dead trace collector does not
/// hold up metrics. Spans go out each second or 512 at a time, a snapshot at once. Signals without
/// a URL are ignored and not counted. Spans keep the books of Stage::kExportOtlp, samples of
/// profiles those of Stage::kExportOtlpProfiles.
class OtlpExporter final : public Exporter {
 public:
  /// kInvalid for a wrong URL or header. `time` outlives the exporter.
  [[nodiscard]] static base::Result<std::unique_ptr<OtlpExporter>> create(
      const OtlpSettings& settings, base::Ledger ledger);
  [[nodiscard]] static base::Result<std::unique_ptr<OtlpExporter>> create(
      const OtlpSettings& settings, base::Ledger ledger, TimeSource& time);
  ~OtlpExporter() override;

  [[nodiscard]] std::string_view name() const override { return "otlp"; }
  void expect(uint64_t spans) noexcept override;
  void submit(std::shared_ptr<const model::SpanBatch> spans) noexcept override;
  void submit(std::shared_ptr<const model::MetricSnapshot> metrics) noexcept override;
  void submit(std::shared_ptr<const model::ProfileBatch> profile) noexcept override;
  [[nodiscard]] bool takes_profiles() const noexcept override { return profiles_ != nullptr; }
  bool flush(TimePoint deadline) noexcept override;
  void shutdown(TimePoint deadline) noexcept override;
  [[nodiscard]] std::string problem() const override;

 private:
  struct Lane;

  OtlpExporter();

  std::unique_ptr<Lane> traces_;
  std::unique_ptr<Lane> metrics_;
  std::unique_ptr<Lane> profiles_;
};

}  // namespace hostlens::exporters::otlp
