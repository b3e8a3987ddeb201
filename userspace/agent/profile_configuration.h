// SPDX-License-Identifier: Apache-2.0
// The keys below `profile`.
#pragma once

#include <span>

#include "agent/configuration_schema.h"

namespace hostlens::agent {

/// In the order of the packaged default file.
[[nodiscard]] std::span<const ConfigurationKey> profile_configuration_keys();

}  // namespace hostlens::agent
