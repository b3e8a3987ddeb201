// SPDX-License-Identifier: Apache-2.0
// Numbers out of JSON that a stranger wrote: exactly the kind that was asked for. The library's own
// conversions turn -1 into a huge count, and 1e300 into undefined behaviour.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace hostlens::web {

/// These throw json::exception when the value is of another kind; catch it at the folder's edge.
[[nodiscard]] inline uint64_t unsigned_of(const nlohmann::json& value) {
  return value.get_ref<const nlohmann::json::number_unsigned_t&>();
}
/// Above INT64_MAX it wraps to a negative number.
[[nodiscard]] inline int64_t integer_of(const nlohmann::json& value) {
  return value.get_ref<const nlohmann::json::number_integer_t&>();
}

}  // namespace hostlens::web
