// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "model/service.h"

namespace hostlens::discovery {

/// Answers whose process a pid is. Implemented by discovery::ProcessTable; processors/ sees only
/// this. Never null: a process that could not be read gets a service named "unknown_service:<comm>"
/// as the OpenTelemetry resource conventions ask. Cheap when known (one hash lookup). Shard thread
/// only.
class ProcessResolver {
 public:
  virtual ~ProcessResolver() = default;
  virtual std::shared_ptr<const model::Process> resolve(uint32_t pid) = 0;
};

}  // namespace hostlens::discovery
