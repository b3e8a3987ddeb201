// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace hostlens::model {

using AttributeValue = std::variant<std::string, int64_t, double, bool, std::vector<std::string>>;

/// Key in OpenTelemetry semantic-convention spelling ("http.request.method").
struct Attribute {
  std::string key;
  AttributeValue value;
  bool operator==(const Attribute&) const = default;
};

/// Order is kept as given; keys are unique by the producer's care.
using Attributes = std::vector<Attribute>;

}  // namespace hostlens::model
