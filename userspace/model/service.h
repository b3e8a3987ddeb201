// SPDX-License-Identifier: Apache-2.0
// Whose work it is: services and the processes that form them. Made by discovery, immutable after.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/attribute.h"
#include "model/process_key.h"

namespace hostlens::model {

/// A service on this host: what metrics are grouped by. All processes of one unit, container or
/// name share one object. Immutable and shared between threads.
struct Service {
  std::string name;         ///< service.name, never empty
  std::string ns;           ///< service.namespace, may be empty
  std::string instance_id;  ///< service.instance.id, stable over restarts of the agent on one host
  Attributes resource;  ///< every resource attribute incl. the three above and host.*; no process.*
};

/// A process of a service: what spans carry. Immutable and shared between threads: an exchange
/// keeps its process alive after the process itself has ended.
struct Process {
  ProcessKey key;
  std::shared_ptr<const Service> service;
  std::string executable;  ///< base name of /proc/PID/exe
  Attributes resource;     ///< service->resource plus process.*
};

}  // namespace hostlens::model
