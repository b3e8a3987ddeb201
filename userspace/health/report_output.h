// SPDX-License-Identifier: Apache-2.0
// A report as metrics and as JSON.
#pragma once

#include <string>

#include "health/signal.h"
#include "model/metric.h"

namespace hostlens::health {

/// hostlens.health.state{signal}: 0 ok, 1 degraded, 2 failing, -1 unknown.
void add_health_family(const HealthReport& report, model::MetricSnapshot& snapshot);

/// {"signals":[{"signal","service","state","since","evidence":{"value","threshold","text"}}],
/// "unavailable":[{"signal","reason"}]}, worst first. `service` is "" for the host, `since` is
/// RFC 3339 in UTC; a value that is missing is null.
[[nodiscard]] std::string to_json(const HealthReport& report);

}  // namespace hostlens::health
