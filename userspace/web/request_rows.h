// SPDX-License-Identifier: Apache-2.0
// Requests by service, side, method, route and status: what /api/v1/requests serves, and what `top`
// and the summary of `run` are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/metric.h"

namespace hostlens::web {

struct RequestRow {
  std::string service;
  std::string ns;    ///< service.namespace
  std::string side;  ///< "server" or "client"
  std::string method;
  std::string route;   ///< "" when unknown
  int64_t status = 0;  ///< 0: none was seen
  std::string error_type;
  model::ExponentialHistogram duration;  ///< seconds, since `start_unix_ns`
  uint64_t start_unix_ns = 0;
  bool overflow = false;  ///< the series that stands for those over the limit
};

struct RequestRows {
  uint64_t unix_ns = 0;
  uint64_t monotonic_ns = 0;  ///< the same moment: a wall clock may be set back between two
  std::vector<RequestRow> rows;
};

/// From the families http.server.request.duration and http.client.request.duration.
[[nodiscard]] RequestRows request_rows(const model::MetricSnapshot& snapshot);

[[nodiscard]] std::string to_json(const RequestRows& rows);
/// Of an agent's answer; an agent is not trusted more than any server. kInvalid when it is not such
/// a document.
[[nodiscard]] base::Result<RequestRows> request_rows_from_json(std::string_view text);

}  // namespace hostlens::web
