// SPDX-License-Identifier: Apache-2.0
// The host page of `top`: CPU, memory, disks, networks, pressure, and the kernel's distributions.
#pragma once

#include <string>
#include <vector>

#include "agent/host_distributions.h"
#include "web/host_rows.h"

namespace hostlens::agent {

/// Lines without line ends, at most style.height, none wider than style.width. What was not read is
/// "-", or left out, or says why; it is never 0. Texts of strangers are made harmless.
[[nodiscard]] std::vector<std::string> host_page(const web::HostRows& rows, const PageStyle& style);

/// "the last 10 s, read 3 s ago".
[[nodiscard]] std::string host_page_time(const web::HostRows& rows);

}  // namespace hostlens::agent
