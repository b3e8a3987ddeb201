// SPDX-License-Identifier: Apache-2.0
// OTEL_EXPORTER_OTLP_*: the variables of the OpenTelemetry specification ("OTLP exporter
// configuration"), merged with the configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/configuration.h"

namespace hostlens::agent {

/// Value of a variable, "" when unset (the specification treats both alike).
using Environment = std::function<std::string(const char* name)>;
[[nodiscard]] Environment process_environment();

struct OtlpDestinations {
  OtlpSignalSettings traces;
  OtlpSignalSettings metrics;
  OtlpSignalSettings profiles;
  std::vector<std::string> warnings;  ///< variables that were passed over, and why
};

/// For each setting the first that is given: configuration (file or option), the signal's own
/// variable (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT), the general one, the default. A signal's own
/// endpoint is used as it is; others get v1/traces, v1/metrics or
/// v1development/profiles appended. Wrong values of
/// variables are warned of and ignored, as the specification asks.
[[nodiscard]] OtlpDestinations otlp_destinations(const OtlpSettings& configured,
                                                 const Environment& environment);

}  // namespace hostlens::agent
