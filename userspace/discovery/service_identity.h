// SPDX-License-Identifier: Apache-2.0
// From one look at a process to the name and the resource of its service. Pure.
#pragma once

#include <string>
#include <string_view>

#include "discovery/argument_redaction.h"
#include "discovery/process_reader.h"
#include "model/attribute.h"
#include "model/service.h"

namespace hostlens::discovery {

/// What a process says of itself by OpenTelemetry's environment variables; nothing else of the
/// environment is looked at or kept.
struct DeclaredIdentity {
  std::string name;  ///< OTEL_SERVICE_NAME, else service.name
  std::string ns;    ///< service.namespace
  std::string instance_id;
  model::Attributes others;  ///< at most 32; host.*, process.*, container.id are ours to measure
};
[[nodiscard]] DeclaredIdentity read_declared_identity(std::string_view environment);

/// The service a process belongs to. `configured_name` (from a rule) wins, then the declared name,
/// the systemd unit, the container, the command. Order and source are documented in
/// packaging/README.md.
[[nodiscard]] model::Service describe_service(const ProcessFacts& facts,
                                              const DeclaredIdentity& declared,
                                              std::string_view configured_name,
                                              const model::Attributes& host);

/// process.* for a process of that service. `owner` may be "".
[[nodiscard]] model::Attributes describe_process(const ProcessFacts& facts, std::string_view owner,
                                                 ArgumentsMode arguments);

}  // namespace hostlens::discovery
