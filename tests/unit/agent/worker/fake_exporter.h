// SPDX-License-Identifier: Apache-2.0
// An exporter that keeps count, and what its owner wants to know after it has ended.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "exporters/exporter.h"

namespace hostlens::agent {

struct ExporterRecord {
  uint64_t expected = 0;
  uint64_t batches = 0;
  model::SpanBatch spans;
  uint64_t metrics = 0;
  uint64_t shutdowns = 0;
  std::string problem;
};

class FakeExporter final : public exporters::Exporter {
 public:
  explicit FakeExporter(std::shared_ptr<ExporterRecord> record, std::string name = "fake")
      : record_(std::move(record)), name_(std::move(name)) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  void expect(uint64_t spans) noexcept override { record_->expected += spans; }
  void submit(std::shared_ptr<const model::SpanBatch> spans) noexcept override {
    ++record_->batches;
    record_->spans.insert(record_->spans.end(), spans->begin(), spans->end());
  }
  void submit(std::shared_ptr<const model::MetricSnapshot>) noexcept override {
    ++record_->metrics;
  }
  bool flush(std::chrono::steady_clock::time_point) noexcept override { return true; }
  void shutdown(std::chrono::steady_clock::time_point) noexcept override { ++record_->shutdowns; }
  [[nodiscard]] std::string problem() const override { return record_->problem; }

 private:
  std::shared_ptr<ExporterRecord> record_;
  std::string name_;
};

}  // namespace hostlens::agent
