// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/quantity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

/// Bound, listening, non-blocking, close-on-exec. Port 0 takes a free one. kBusy when it is in use.
[[nodiscard]] base::Result<base::UniqueFd> open_listen_socket(const HostPort& address);

/// Where a socket of `open_listen_socket` listens.
[[nodiscard]] base::Result<HostPort> bound_address(int fd);

/// For appending, created 0600, no symbolic link followed; "-" duplicates standard output.
[[nodiscard]] base::Result<base::UniqueFd> open_output_file(const std::string& path);

}  // namespace hostlens::agent
