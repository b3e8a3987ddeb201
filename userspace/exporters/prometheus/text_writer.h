// SPDX-License-Identifier: Apache-2.0
// A page as text: the classic format 0.0.4 or OpenMetrics 1.0.
#pragma once

#include <string>

#include "exporters/prometheus/accept.h"
#include "exporters/prometheus/page.h"

namespace hostlens::exporters::prometheus {

/// `format` is kText or kOpenMetrics. The latter has units, exemplars and "# EOF"; neither has
/// _created lines, which Prometheus would store as series of their own.
[[nodiscard]] std::string write_text(const Page& page, Format format);

}  // namespace hostlens::exporters::prometheus
