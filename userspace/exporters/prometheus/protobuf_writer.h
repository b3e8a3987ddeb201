// SPDX-License-Identifier: Apache-2.0
// A page as a row of length-delimited io.prometheus.client.MetricFamily messages.
#pragma once

#include <string>

#include "exporters/prometheus/page.h"

namespace hostlens::exporters::prometheus {

/// Histograms carry both forms: native buckets, and the classic ones for servers that do not want
/// them.
[[nodiscard]] std::string write_protobuf(const Page& page);

}  // namespace hostlens::exporters::prometheus
