// SPDX-License-Identifier: Apache-2.0
// What signals need to know and metrics do not hold. Absent is unknown, not zero.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/check_result.h"
#include "model/oom_kill.h"
#include "model/process_key.h"
#include "model/service.h"
#include "model/unit_state.h"

namespace hostlens::health {

/// A process of a service, as the last scrape saw it.
struct ServiceProcess {
  std::shared_ptr<const model::Service> service;
  model::ProcessKey key;
  std::string executable;
  bool zombie = false;
  uint64_t threads = 0;
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> open_files_limit;    ///< UINT64_MAX: none
  std::optional<uint64_t> user_threads_limit;  ///< UINT64_MAX: none
};

/// A listening socket: connections that wait for accept().
struct ListenerBacklog {
  std::shared_ptr<const model::Service> service;
  uint16_t port = 0;
  uint64_t backlog = 0;
  uint64_t max = 0;
  uint64_t drops = 0;  ///< connections refused since it listens
};

/// Of one moment; a null pointer: nobody tells it (yet). What is behind one is immutable, and a new
/// pointer means a new reading.
struct HealthInputs {
  std::shared_ptr<const std::vector<ServiceProcess>> processes;
  std::shared_ptr<const std::vector<model::UnitState>> units;
  std::shared_ptr<const std::vector<ListenerBacklog>> listeners;
  /// Those of the last reading, mostly none.
  std::shared_ptr<const std::vector<model::OomKill>> oom_kills;
  std::vector<model::CheckStatus> checks;
  uint64_t interval_ns = 10'000'000'000;  ///< between two readings of the host
};

}  // namespace hostlens::health
