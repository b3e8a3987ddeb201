// SPDX-License-Identifier: Apache-2.0
// The services of a snapshot as labels: which ones every series carries, which ones target_info
// has.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exporters/prometheus/page.h"

namespace hostlens::exporters::prometheus {

/// Made once per page.
class Targets {
 public:
  explicit Targets(const model::MetricSnapshot& snapshot);

  /// service_name, service_namespace when there is one, service_instance_id when another service of
  /// the snapshot has the same name and namespace.
  [[nodiscard]] const Labels& labels_of(const model::MetricPoint& point) const;

  /// One per service: name, namespace, instance, then all its resource attributes.
  [[nodiscard]] std::vector<Labels> target_info() const;

 private:
  struct Target {
    const model::Service* service = nullptr;
    Labels labels;
    Label instance;
    uint64_t youngest_unix_ns = 0;  ///< of the points
  };

  [[nodiscard]] const model::Service* service_of(const model::MetricPoint& point) const {
    return point.service ? point.service.get() : agent_;
  }

  const model::Service* agent_;
  std::unordered_map<const model::Service*, size_t> index_;
  std::vector<Target> targets_;  ///< in order of appearance
};

/// Adds the attributes, sorted by label name. Keys that become the same name are joined with ';' in
/// the order of the keys; what `labels` has already wins.
void add_attributes(Labels& labels, const model::Attributes& attributes);

/// For look-ups: equal exactly when the labels are.
[[nodiscard]] std::string identity_of(const Labels& labels);

}  // namespace hostlens::exporters::prometheus
