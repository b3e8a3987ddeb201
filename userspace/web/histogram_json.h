// SPDX-License-Identifier: Apache-2.0
// Exponential histograms in the API's answers.
#pragma once

#include <nlohmann/json.hpp>

#include "model/metric.h"

namespace hostlens::web {

[[nodiscard]] nlohmann::json histogram_json(const model::ExponentialHistogram& h);
/// False when it is none of ours. Throws as web/json_fields.h does.
[[nodiscard]] bool read_histogram(const nlohmann::json& value, model::ExponentialHistogram& h);

}  // namespace hostlens::web
