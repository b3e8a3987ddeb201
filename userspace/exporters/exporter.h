// SPDX-License-Identifier: Apache-2.0
// The contract of every push exporter. Pull endpoints (Prometheus) render a MetricSnapshot instead.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/metric.h"
#include "model/profile_batch.h"
#include "model/span.h"

namespace hostlens::exporters {

/// One per destination, owned by the worker's main thread. Each exporter has a thread and a bounded
/// queue of its own, so that a slow backend hurts only itself. What is let go is counted in
/// base::Ledger.
class Exporter {
 public:
  virtual ~Exporter() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// So many spans will be submitted: they enter the books now, so that none is between two stages
  /// while the caller fills a batch. Every span once, before it is submitted.
  virtual void expect(uint64_t spans) noexcept = 0;
  /// Never block and never fail: a full queue drops and counts. Called from the main thread only.
  virtual void submit(std::shared_ptr<const model::SpanBatch> spans) noexcept = 0;
  virtual void submit(std::shared_ptr<const model::MetricSnapshot> metrics) noexcept = 0;
  /// Enters its books by itself. Whoever has no form for profiles passes them over.
  virtual void submit(std::shared_ptr<const model::ProfileBatch> /*profile*/) noexcept {}
  /// Whether it has: else none need to be made for it.
  [[nodiscard]] virtual bool takes_profiles() const noexcept { return false; }

  /// Waits until all that was submitted is sent or dropped, at most until the deadline.
  /// True when nothing is left.
  virtual bool flush(std::chrono::steady_clock::time_point deadline) noexcept = 0;
  /// flush, then stops the thread; what is left then is counted as dropped{shutdown}.
  virtual void shutdown(std::chrono::steady_clock::time_point deadline) noexcept = 0;

  /// "" while all is well, else one line: what, where, why, what happens next. The same text for as
  /// long as the same trouble lasts, so that a change is worth a line in the log. Any thread.
  [[nodiscard]] virtual std::string problem() const = 0;
};

}  // namespace hostlens::exporters
