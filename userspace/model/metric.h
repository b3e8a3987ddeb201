// SPDX-License-Identifier: Apache-2.0
// A snapshot of metrics: made by aggregators/, read by every exporter. Plain values, no protobuf.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/attribute.h"
#include "model/service.h"
#include "model/trace_context.h"

namespace hostlens::model {

enum class MetricKind : uint8_t {
  kGauge,
  kCounter,        ///< monotonic cumulative sum
  kUpDownCounter,  ///< cumulative sum that may fall
  kHistogram,      ///< base-2 exponential, cumulative
};

struct Exemplar {
  double value = 0;
  uint64_t unix_ns = 0;
  TraceId trace_id{};
  SpanId span_id{};
};

/// Base-2 exponential histogram of non-negative values, OpenTelemetry data model: bucket i of
/// `counts` holds values in (base^(offset+i), base^(offset+i+1)] with base = 2^(2^-scale).
struct ExponentialHistogram {
  int32_t scale = 20;
  int32_t offset = 0;
  uint64_t zero_count = 0;
  double zero_threshold = 0;  ///< zero_count has the values up to here
  std::vector<uint64_t> counts;
  uint64_t count = 0;
  double sum = 0;
  bool has_range = true;  ///< min and max are known
  double min = 0;
  double max = 0;
};

struct MetricPoint {
  /// Resource: nullptr is the agent itself (its own service and host attributes).
  std::shared_ptr<const Service> service;
  Attributes attributes;  ///< sorted by key, unique
  uint64_t start_unix_ns = 0;
  std::variant<int64_t, double, ExponentialHistogram> value;
  std::vector<Exemplar> exemplars;
};

struct MetricFamily {
  std::string name;  ///< OpenTelemetry name, e.g. "http.server.request.duration"
  std::string description;
  std::string unit;  ///< UCUM, e.g. "s", "By", "{connection}"
  MetricKind kind = MetricKind::kGauge;
  std::vector<MetricPoint> points;
  /// Of a histogram: it was counted in octaves, so that powers of two are the only bounds by which
  /// it can be told exactly.
  bool octaves = false;
};

struct MetricSnapshot {
  uint64_t unix_ns = 0;
  uint64_t monotonic_ns = 0;             ///< the same moment
  std::shared_ptr<const Service> agent;  ///< the resource of points whose service is nullptr
  std::vector<MetricFamily> families;    ///< unique by name, with the readings too
  /// Read at an earlier moment, shared by the snapshots until the next reading; null: none.
  /// Immutable.
  std::shared_ptr<const std::vector<MetricFamily>> scraped;         ///< files of the host
  std::shared_ptr<const std::vector<MetricFamily>> kernel_signals;  ///< tables of our programs
};

/// All families, those of the snapshot's own moment first. References stay valid as long as the
/// snapshot.
template <typename Use>
void for_each_family(const MetricSnapshot& snapshot, Use&& use) {
  for (const MetricFamily& family : snapshot.families) use(family);
  for (const auto* reading : {&snapshot.scraped, &snapshot.kernel_signals}) {
    if (*reading == nullptr) continue;
    for (const MetricFamily& family : **reading) use(family);
  }
}

}  // namespace hostlens::model
