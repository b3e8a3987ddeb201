// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/ledger.h"
#include "model/metric.h"

namespace hostlens::agent {

/// What `hostlens run` prints at its end: requests, connections and losses of the command's life.
[[nodiscard]] std::string run_summary(const model::MetricSnapshot& snapshot,
                                      const base::Ledger& ledger, double seconds, size_t width);

}  // namespace hostlens::agent
