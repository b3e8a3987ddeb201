// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "agent/commands/commands.h"
#include "agent/configuration_schema.h"
#include "agent/exit_codes.h"
#include "agent/loaded_configuration.h"
#include "agent/version.h"

namespace hostlens::agent {

int config_check_command(const std::string& path) {
  const auto loaded = load_configuration(path, {});
  if (!loaded) {
    print_error(loaded.error());
    return kExitUsage;
  }
  std::fputs(fmt::format("{}: correct\n", path).c_str(), stdout);
  if (loaded->configuration.include.empty()) {
    std::fputs("targets.include is empty: the service would observe nothing\n", stdout);
  }
  return kExitOk;
}

int config_keys_command() {
  for (const ConfigurationKey& key : configuration_keys()) {
    std::fputs(
        fmt::format("{}: {}\n    allowed: {}; default: {}{}\n", key.path, key.purpose, key.allowed,
                    key.default_value, key.reload ? "" : "; a change needs a restart")
            .c_str(),
        stdout);
  }
  return kExitOk;
}

int version_command() {
  std::fputs(fmt::format("hostlens {}\n", kVersion).c_str(), stdout);
  return kExitOk;
}

}  // namespace hostlens::agent
