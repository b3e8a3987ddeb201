// SPDX-License-Identifier: Apache-2.0
// MetricSnapshot -> ExportMetricsServiceRequest.
#pragma once

#include <vector>

#include "exporters/otlp/encoded_request.h"
#include "model/metric.h"

namespace hostlens::exporters::otlp {

/// As many requests as the limit asks for (a point is never split); none when there are no points.
[[nodiscard]] std::vector<EncodedRequest> encode_metrics(const model::MetricSnapshot& snapshot,
                                                         size_t limit_bytes = kRequestBytes);

}  // namespace hostlens::exporters::otlp
