// SPDX-License-Identifier: Apache-2.0
// Messages of grpc.health.v1 in gRPC's framing. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hostlens::checks {

[[nodiscard]] std::string grpc_health_request(const std::string& service);

/// "SERVING", "NOT_SERVING", ... of the first message; nullopt: that is none, or it is compressed.
[[nodiscard]] std::optional<std::string> grpc_health_status(std::string_view body);

}  // namespace hostlens::checks
