// SPDX-License-Identifier: Apache-2.0
// System calls by service while somebody watched: what /api/v1/syscalls serves, and what `hostlens
// syscalls` is made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/metric.h"

namespace hostlens::web {

struct SystemCallRow {
  std::string service;
  std::string system_call;
  std::string error;                     ///< "ENOENT", "": none
  model::ExponentialHistogram duration;  ///< seconds, cumulative
};

struct SystemCallRows {
  double watched_seconds = 0;  ///< cumulative, like the next two; all of this agent's life
  double cost_seconds = 0;     ///< of our programs, in whoever called
  uint64_t runs = 0;           ///< 0: the cost is not measured here
  std::vector<SystemCallRow> rows;
};

/// From the families hostlens.syscall.*; of every service when `service` is "".
[[nodiscard]] SystemCallRows system_call_rows(const model::MetricSnapshot& snapshot,
                                              std::string_view service);

[[nodiscard]] std::string to_json(const SystemCallRows& rows);
/// kInvalid when it is not such a document.
[[nodiscard]] base::Result<SystemCallRows> system_call_rows_from_json(std::string_view text);

}  // namespace hostlens::web
