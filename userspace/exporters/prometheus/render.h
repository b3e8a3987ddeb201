// SPDX-License-Identifier: Apache-2.0
// A snapshot as a page of /metrics: text 0.0.4, OpenMetrics or protobuf, whichever was asked for.
// README.md here has the rules of names, labels and buckets.
#pragma once

#include <string>
#include <string_view>

#include "model/metric.h"

namespace hostlens::exporters::prometheus {

struct Exposition {
  std::string content_type;
  std::string body;
};

/// Never fails; any thread; pure. Unacceptable Accept headers get text 0.0.4.
[[nodiscard]] Exposition render(const model::MetricSnapshot& snapshot, std::string_view accept);

}  // namespace hostlens::exporters::prometheus
