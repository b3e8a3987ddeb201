// SPDX-License-Identifier: Apache-2.0
// A snapshot the other way round: OTLP wants points below their resource, the model keeps them by
// family.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "model/metric.h"

namespace hostlens::exporters {

struct FamilyPoints {
  const model::MetricFamily* family;
  std::vector<const model::MetricPoint*> points;
};

struct ServicePoints {
  const model::Service* service;  ///< nullptr only when the snapshot names no agent
  std::vector<FamilyPoints> families;
};

/// True when the value is of the type that the family's kind demands.
[[nodiscard]] inline bool fits(model::MetricKind kind, const model::MetricPoint& point) {
  return (kind == model::MetricKind::kHistogram) ==
         std::holds_alternative<model::ExponentialHistogram>(point.value);
}

/// Points into the snapshot. Points that do not fit their family are left out.
[[nodiscard]] inline std::vector<ServicePoints> by_service(const model::MetricSnapshot& snapshot) {
  std::vector<ServicePoints> result;
  std::unordered_map<const model::Service*, size_t> places;
  model::for_each_family(snapshot, [&](const model::MetricFamily& family) {
    for (const model::MetricPoint& point : family.points) {
      if (!fits(family.kind, point)) continue;
      const model::Service* service = point.service ? point.service.get() : snapshot.agent.get();
      const auto [place, added] = places.try_emplace(service, result.size());
      if (added) result.push_back({service, {}});
      auto& families = result[place->second].families;
      if (families.empty() || families.back().family != &family) families.push_back({&family, {}});
      families.back().points.push_back(&point);
    }
  });
  return result;
}

}  // namespace hostlens::exporters
