// SPDX-License-Identifier: Apache-2.0
// The forms of values that every OTLP JSON message shares. Included by .cpp files of this folder
// only.
#pragma once

#include <nlohmann/json.hpp>

#include "model/attribute.h"

namespace hostlens::exporters::otlp_json {

using Json = nlohmann::ordered_json;

/// Numbers that JSON has no form for are the strings of the protobuf mapping: "NaN", "Infinity".
[[nodiscard]] Json number(double value);
[[nodiscard]] inline Json integer(uint64_t value) { return std::to_string(value); }
[[nodiscard]] Json attributes(const model::Attributes& attributes);
[[nodiscard]] Json resource(const model::Attributes* attributes);
[[nodiscard]] Json scope();
[[nodiscard]] std::string line(const Json& json);

}  // namespace hostlens::exporters::otlp_json
