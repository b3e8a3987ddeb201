// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file: an outcome always, within the bounds that it promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::agent;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ConfigurationOutcome outcome = parse_configuration(text, "f");
  if (outcome.errors.size() > 101) std::abort();
  for (const std::string& error : outcome.errors) {
    if (!error.starts_with("f:")) std::abort();
  }
  if (outcome.ok()) {
    const auto& limits = outcome.configuration.limits;
    if (limits.data_ring_bytes < 65536 || limits.connections > 1'000'000) std::abort();
    for (const auto& rule : outcome.configuration.include) {
      if (rule.empty()) std::abort();
    }
  }
  return 0;
}
