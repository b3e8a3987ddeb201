// SPDX-License-Identifier: Apache-2.0
// The table of services and routes that people see: `top` and the summary of `run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "web/request_rows.h"

namespace hostlens::agent {

struct TableRow {
  std::string service;
  std::string side;
  std::string method;
  std::string route;
  uint64_t errors = 0;                   ///< requests with error.type
  model::ExponentialHistogram duration;  ///< seconds; its count is the number of requests
};

struct RequestTable {
  double seconds = 0;          ///< what rates refer to
  std::vector<TableRow> rows;  ///< most requests first
};

struct TableStyle {
  size_t width = 100;  ///< columns of the terminal
  size_t most_rows = 1000;
  bool colour = false;
};

/// One row for each service, side, method and route, of what came between `before` and `now` (null:
/// of all, with `seconds` given). Rows without requests are left out.
[[nodiscard]] RequestTable request_table(const web::RequestRows& now,
                                         const web::RequestRows* before, double seconds);

/// Seconds from one answer of an agent to its next, whatever was done to the wall clock between.
/// Nothing when no time passed or the host was booted anew.
[[nodiscard]] std::optional<double> seconds_between(const web::RequestRows& before,
                                                    const web::RequestRows& now);

/// Lines with line ends. Texts of strangers are made harmless for a terminal.
[[nodiscard]] std::string render(const RequestTable& table, const TableStyle& style);

}  // namespace hostlens::agent
