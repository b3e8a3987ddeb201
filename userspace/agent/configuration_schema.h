// SPDX-License-Identifier: Apache-2.0
// The one table of configuration keys: parsing, checking and documentation read it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/configuration.h"
#include "agent/configuration_value.h"

namespace hostlens::agent {

struct ConfigurationKey {
  std::string_view path;           ///< "exporters.otlp.endpoint"
  std::string_view allowed;        ///< what may stand there, for errors and documentation
  std::string_view default_value;  ///< as it would be written
  std::string_view purpose;
  bool reload = true;  ///< false: a change needs a restart
  /// Stores the value, or reports to `value` what is wrong with it.
  void (*read)(ConfigurationValue& value, Configuration& configuration) = nullptr;
};

/// In the order of the packaged default file.
[[nodiscard]] std::span<const ConfigurationKey> configuration_keys();

}  // namespace hostlens::agent
