// SPDX-License-Identifier: Apache-2.0
// The lower half of the host page: a line for each distribution.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "web/host_rows.h"

namespace hostlens::agent {

struct PageStyle {
  size_t width = 80;
  size_t height = 24;  ///< lines
  bool colour = false;
  bool blocks = true;  ///< the terminal knows Unicode's block elements
};

/// At most style.height lines without line ends, the heading first: rate, p50, p99, the end of the
/// last octave that counted anything, and a chart where it has room. Each signal that
/// counted anything has a line, what room is left goes to those with the longest times; the others
/// are named below, those that are unavailable with the reason.
[[nodiscard]] std::vector<std::string> distribution_lines(const web::HostRows& rows,
                                                          const PageStyle& style);

}  // namespace hostlens::agent
