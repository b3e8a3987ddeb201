// SPDX-License-Identifier: Apache-2.0
#include "checks/grpc_health.h"

#include <cstdint>

#include "grpc/health/v1/health.pb.h"

namespace hostlens::checks {
namespace {

/// A byte that says whether it is compressed, then the length, big-endian.
constexpr size_t kPrefix = 5;

}  // namespace

std::string grpc_health_request(const std::string& service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  const std::string message = request.SerializeAsString();
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(message.size() >> static_cast<unsigned>(shift) & 0xFFU);
  }
  return out + message;
}

std::optional<std::string> grpc_health_status(std::string_view body) {
  if (body.size() < kPrefix || body[0] != 0) return std::nullopt;
  size_t size = 0;
  for (size_t i = 1; i < kPrefix; ++i) size = size << 8U | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefix);
  if (size > body.size()) return std::nullopt;
  grpc::health::v1::HealthCheckResponse response;
  if (!response.ParseFromArray(body.data(), static_cast<int>(size))) return std::nullopt;
  using Response = grpc::health::v1::HealthCheckResponse;
  switch (response.status()) {
    case Response::SERVING:
      return "SERVING";
    case Response::NOT_SERVING:
      return "NOT_SERVING";
    case Response::SERVICE_UNKNOWN:
      return "SERVICE_UNKNOWN";
    default:
      return "UNKNOWN";
  }
}

}  // namespace hostlens::checks
