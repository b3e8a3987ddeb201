// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hostlens::model {

/// The one version of OpenTelemetry's semantic conventions whose names metrics and attributes bear.
/// What it has no name for is called hostlens.*.
inline constexpr std::string_view kSemanticConventionsVersion = "1.44.0";
inline constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

}  // namespace hostlens::model
