// SPDX-License-Identifier: Apache-2.0
// The keys below `symbols`.
#pragma once

#include <span>

#include "agent/configuration_schema.h"

namespace hostlens::agent {

/// In the order of the packaged default file.
[[nodiscard]] std::span<const ConfigurationKey> symbols_configuration_keys();

/// A URL below which a debuginfod server answers: the file and the command line agree on it.
[[nodiscard]] bool is_debuginfod_url(std::string_view text);

}  // namespace hostlens::agent
