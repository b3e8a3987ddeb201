// SPDX-License-Identifier: Apache-2.0
// A systemd unit as its manager tells it (org.freedesktop.systemd1(5)). Plain value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/service.h"

namespace hostlens::model {

struct UnitState {
  std::string name;          ///< "nginx.service", "srv-data.mount"
  std::string active_state;  ///< active, reloading, inactive, failed, activating, deactivating
  std::string sub_state;     ///< by type of unit: running, exited, dead, auto-restart, mounted
  std::string result;  ///< success, exit-code, signal, core-dump, oom-kill, start-limit-hit ...; ""
                       ///< where the type has none or it could not be read
  uint32_t restarts = 0;       ///< by Restart=, since the unit was started or reset by hand
  uint64_t since_unix_ns = 0;  ///< of active_state; 0: unknown
  uint32_t main_pid = 0;       ///< 0: none
  std::shared_ptr<const Service> service = nullptr;  ///< whose it is; null for what is no service
  bool operator==(const UnitState&) const = default;
};

}  // namespace hostlens::model
