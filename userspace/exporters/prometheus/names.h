// SPDX-License-Identifier: Apache-2.0
// OpenTelemetry names to Prometheus names, by the rules of the OpenTelemetry specification
// ("Prometheus and OpenMetrics Compatibility").
#pragma once

#include <string>
#include <string_view>

#include "model/metric.h"

namespace hostlens::exporters::prometheus {

struct FamilyName {
  std::string name;  ///< [a-zA-Z_:][a-zA-Z0-9_:]*; of a counter without _total
  std::string unit;  ///< what the name ends in ("seconds"), "" when it does not
};

/// "http.server.request.duration", "s" -> {"http_server_request_duration_seconds", "seconds"}
[[nodiscard]] FamilyName family_name(std::string_view name, std::string_view unit,
                                     model::MetricKind kind);

/// "http.request.method" -> "http_request_method". [a-zA-Z_][a-zA-Z0-9_]*, at most
/// kMaxLabelNameBytes, never reserved ("le", "quantile", "__...").
[[nodiscard]] std::string label_name(std::string_view key);

inline constexpr size_t kMaxLabelNameBytes = 128;

}  // namespace hostlens::exporters::prometheus
