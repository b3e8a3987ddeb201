// SPDX-License-Identifier: Apache-2.0
// Builds the families of a snapshot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aggregators/attribute_set.h"
#include "model/metric.h"

namespace hostlens::aggregators {

struct FamilyName {
  std::string_view name;
  std::string_view description;
  std::string_view unit;
  model::MetricKind kind = model::MetricKind::kCounter;
};

/// Without points.
[[nodiscard]] inline model::MetricFamily new_family(std::string name, std::string description,
                                                    std::string unit, model::MetricKind kind) {
  model::MetricFamily family;
  family.name = std::move(name);
  family.description = std::move(description);
  family.unit = std::move(unit);
  family.kind = kind;
  return family;
}

/// How full a family is: what the agent reports of its own limits.
struct FamilyLoad {
  std::string_view name;
  uint64_t series = 0;
  uint64_t overflows = 0;  ///< measurements that went into the overflow series
};

class FamilyList {
 public:
  explicit FamilyList(model::MetricSnapshot& snapshot) : snapshot_(snapshot) {}

  [[nodiscard]] uint64_t unix_ns() const { return snapshot_.unix_ns; }

  /// One family; `points(family)` fills it. Left out when it has none.
  template <typename Points>
  void add(const FamilyName& name, Points points) {
    model::MetricFamily family;
    family.name = name.name;
    family.description = name.description;
    family.unit = name.unit;
    family.kind = name.kind;
    points(family);
    if (!family.points.empty()) snapshot_.families.push_back(std::move(family));
  }

  /// One point of a series. A wall clock that was set back must not make a start lie in the future.
  template <typename Series, typename Value>
  model::MetricPoint& add_point(model::MetricFamily& family, const Series& series,
                                model::Attributes attributes, Value value) const {
    model::MetricPoint& point = family.points.emplace_back();
    point.service = series.service;
    point.attributes = std::move(attributes);
    point.start_unix_ns = std::min(series.start_unix_ns, snapshot_.unix_ns);
    point.value = std::move(value);
    return point;
  }

 private:
  model::MetricSnapshot& snapshot_;
};

}  // namespace hostlens::aggregators
