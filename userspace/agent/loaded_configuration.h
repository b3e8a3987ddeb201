// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/configuration.h"
#include "base/result.h"

namespace hostlens::agent {

/// A configuration with the text it came from, which the worker reads again.
struct LoadedConfiguration {
  std::string file;  ///< what messages call it
  std::string text;
  Overrides overrides;
  Configuration configuration;
};

/// Reads `path` ("": defaults alone). Errors: all that was found, one line each, in one message.
[[nodiscard]] base::Result<LoadedConfiguration> load_configuration(const std::string& path,
                                                                   Overrides overrides);

/// At most kYamlBytes of a regular file or pipe.
[[nodiscard]] base::Result<std::string> read_configuration_file(const std::string& path);

}  // namespace hostlens::agent
