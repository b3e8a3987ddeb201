// SPDX-License-Identifier: Apache-2.0
// The exporters in use, exchanged at a reload without losing what the old ones hold.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "agent/builtin_exporters.h"
#include "model/metric.h"

namespace hostlens::agent {

/// Main thread of the worker.
class ExportSet {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// `rows` outlive it.
  explicit ExportSet(std::span<const ExporterRow> rows = builtin_exporters()) : rows_(rows) {}
  /// Waits for exporters that are still retiring.
  ~ExportSet();
  ExportSet(const ExportSet&) = delete;
  ExportSet& operator=(const ExportSet&) = delete;

  /// Makes what `parts` asks for. An exporter whose settings are the same stays; one that is no
  /// longer wanted sends what it holds in the background. Returns what could not be made.
  std::vector<std::string> update(const ExporterParts& parts);
  [[nodiscard]] std::vector<exporters::Exporter*> exporters() const;
  void submit(const std::shared_ptr<const model::MetricSnapshot>& metrics);
  /// Changes of the exporters' condition since the last call, one line each, for the log.
  [[nodiscard]] std::vector<std::string> news();
  /// All at once, until the deadline.
  void shutdown(Deadline deadline);

 private:
  /// Below the worker's stop deadline: a stop waits for those that retire.
  static constexpr std::chrono::seconds kRetireLimit{4};

  struct Active {
    BuiltinExporter made;
    std::string problem;
  };
  std::span<const ExporterRow> rows_;
  std::vector<Active> active_;
  struct Retiring {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> done;
  };
  std::vector<Retiring> retiring_;
};

}  // namespace hostlens::agent
