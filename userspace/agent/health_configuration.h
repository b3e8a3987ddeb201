// SPDX-License-Identifier: Apache-2.0
// The keys below `health`, and the list of checks.
#pragma once

#include <span>

#include "agent/configuration_schema.h"

namespace hostlens::agent {

/// In the order of the packaged default file.
[[nodiscard]] std::span<const ConfigurationKey> health_configuration_keys();

}  // namespace hostlens::agent
