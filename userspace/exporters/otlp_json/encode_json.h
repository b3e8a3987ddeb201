// SPDX-License-Identifier: Apache-2.0
// Spans and snapshots as OTLP JSON: names in lowerCamelCase, ids in hex, 64-bit integers as
// strings, enumerations as numbers ("JSON Protobuf Encoding" of the OTLP specification).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/metric.h"
#include "model/span.h"

namespace hostlens::exporters::otlp_json {

/// One ExportTraceServiceRequest, no line break in it. Invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string encode_spans(
    const std::vector<std::shared_ptr<const model::SpanBatch>>& batches);
/// One ExportMetricsServiceRequest; "" when there is no point in the snapshot.
[[nodiscard]] std::string encode_metrics(const model::MetricSnapshot& snapshot);

}  // namespace hostlens::exporters::otlp_json
