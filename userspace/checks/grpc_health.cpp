// SPDX-License-Identifier: Apache-2.0
#include "checks/grpc_health.h"

#include "base/grpc_frame.h"
#include "grpc/health/v1/health.pb.h"

namespace hostlens::checks {

std::string grpc_health_request(const std::string& service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  return base::grpc_frame(request.SerializeAsString());
}

std::optional<std::string> grpc_health_status(std::string_view body) {
  const auto message = base::grpc_message(body);
  if (!message) return std::nullopt;
  grpc::health::v1::HealthCheckResponse response;
  if (!response.ParseFromArray(message->data(), static_cast<int>(message->size())))
    return std::nullopt;
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
