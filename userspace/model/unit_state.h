// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace hostlens::model {

/// A systemd unit as its manager tells it (org.freedesktop.systemd1.Unit and .Service).
struct UnitState {
  std::string name;          ///< "nginx.service"
  std::string active_state;  ///< active, reloading, inactive, failed, activating, deactivating
  std::string sub_state;     ///< running, dead, auto-restart, ...
  std::string result;        ///< of a service: success, exit-code, signal, oom-kill, ...; else ""
  uint64_t restarts = 0;     ///< NRestarts: automatic ones since it was started by hand
  uint64_t since_unix_ns = 0;
  bool operator==(const UnitState&) const = default;
};

}  // namespace hostlens::model
