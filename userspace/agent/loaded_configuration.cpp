// SPDX-License-Identifier: Apache-2.0
#include "agent/loaded_configuration.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "agent/yaml_document.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

base::Result<std::string> read_configuration_file(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return base::errno_error(path);
  std::string text;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::errno_error(path);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (text.size() > kYamlBytes) {
      return base::invalid_error(path + ": larger than 1 MiB, which no configuration is");
    }
  }
}

base::Result<LoadedConfiguration> load_configuration(const std::string& path, Overrides overrides) {
  LoadedConfiguration loaded;
  loaded.file = path.empty() ? "default" : path;
  loaded.overrides = std::move(overrides);
  if (!path.empty()) {
    auto text = read_configuration_file(path);
    if (!text) return std::move(text).error();
    loaded.text = *std::move(text);
  }
  ConfigurationOutcome outcome = parse_configuration(loaded.text, loaded.file, loaded.overrides);
  if (!outcome.ok()) {
    std::string message;
    for (const std::string& error : outcome.errors) {
      message += (message.empty() ? "" : "\n") + error;
    }
    return base::invalid_error(std::move(message));
  }
  loaded.configuration = std::move(outcome.configuration);
  return loaded;
}

}  // namespace hostlens::agent
