// SPDX-License-Identifier: Apache-2.0
// A snapshot arranged as Prometheus wants it: named families, unique series, target_info.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/prometheus/names.h"
#include "model/metric.h"

namespace hostlens::exporters::prometheus {

struct Label {
  std::string name;
  std::string value;  ///< clean, never empty: an empty label is no label
  bool operator==(const Label&) const = default;
};

/// Names are unique; those of the service come first, the others are sorted.
using Labels = std::vector<Label>;

struct Series {
  Labels labels;  ///< unique within the family
  const model::MetricPoint* point = nullptr;
};

struct Family {
  FamilyName name;
  std::string otel_unit;
  bool octaves = false;
  std::string help;  ///< clean, never empty
  model::MetricKind kind = model::MetricKind::kGauge;
  std::vector<Series> series;  ///< never empty; every point's value fits `kind`
};

/// Points into the snapshot that it was made of.
struct Page {
  std::vector<Family> families;         ///< no two use the same sample name
  std::vector<Labels> targets;          ///< target_info: one per service identity
  std::deque<model::MetricPoint> sums;  ///< of points whose label sets turned out equal
};

inline constexpr std::string_view kTargetHelp = "Resource attributes of each service.";

/// Points with equal label sets (a service object that was replaced, values cut to the same text)
/// become one series: counters, up-down counters and histograms are added, of gauges the youngest
/// stays. A family whose name is taken by an earlier one is left out.
[[nodiscard]] Page arrange(const model::MetricSnapshot& snapshot);

}  // namespace hostlens::exporters::prometheus
