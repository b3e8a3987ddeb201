// SPDX-License-Identifier: Apache-2.0
// Names to addresses and a connection to one of them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/unique_fd.h"
#include "checks/check.h"

namespace hostlens::checks {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family = 0;
  [[nodiscard]] std::string text() const;  ///< without port
};

/// By the system's resolver, as programs do: blocks for as long as that waits.
[[nodiscard]] std::variant<std::vector<Address>, model::CheckResult> resolve(
    const std::string& host, uint16_t port);

/// Connected and non-blocking, to the first address that takes it; else why the last one did not.
[[nodiscard]] std::variant<base::UniqueFd, model::CheckResult> connect_to(const std::string& host,
                                                                          uint16_t port,
                                                                          const Deadline& deadline);

/// Until `fd` is ready for `events`; false when the deadline passed or the run was cancelled.
[[nodiscard]] bool wait_for(int fd, short events, const Deadline& deadline);

}  // namespace hostlens::checks
