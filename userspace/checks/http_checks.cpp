// SPDX-License-Identifier: Apache-2.0
// http: a status. grpc: the health checking protocol says SERVING.
#include <utility>

#include "checks/builtin_checks.h"
#include "checks/grpc_health.h"
#include "checks/http_request.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;

class HttpCheck final : public Check {
 public:
  explicit HttpCheck(CheckTarget target) : target_(std::move(target)) {}
  CheckResult run(const Deadline& deadline) noexcept override {
    auto answered = http_request({target_.text, false, {}, {}}, deadline);
    if (auto* problem = std::get_if<CheckResult>(&answered)) return std::move(*problem);
    const long status = std::get<HttpAnswer>(answered).status;
    const bool good = target_.limit != 0 ? status == static_cast<long>(target_.limit)
                                         : status >= 200 && status < 400;
    const std::string text = target_.text + " answers " + std::to_string(status);
    return good ? passed(text) : failed(std::to_string(status), text);
  }

 private:
  CheckTarget target_;
};

class GrpcCheck final : public Check {
 public:
  explicit GrpcCheck(const CheckTarget& target) {
    const bool v6 = target.host.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + target.host + "]" : target.host;
    request_.url = (target.encrypted ? "https://" : "http://") + host + ":" +
                   std::to_string(target.port) + "/grpc.health.v1.Health/Check";
    request_.http2 = true;
    request_.headers = {"content-type: application/grpc", "te: trailers"};
    request_.body = grpc_health_request(target.text);
    place_ = target.host + ":" + std::to_string(target.port);
  }
  CheckResult run(const Deadline& deadline) noexcept override {
    auto answered = http_request(request_, deadline);
    if (auto* problem = std::get_if<CheckResult>(&answered)) return std::move(*problem);
    const HttpAnswer& answer = std::get<HttpAnswer>(answered);
    if (answer.status != 200) {
      return failed(std::to_string(answer.status),
                    place_ + " answers HTTP " + std::to_string(answer.status));
    }
    if (answer.grpc_status != "0") {
      return failed("grpc_" + answer.grpc_status.substr(0, 8),
                    place_ + ": gRPC status " + answer.grpc_status + " " + answer.grpc_message);
    }
    const auto status = grpc_health_status(answer.body);
    if (!status) return failed("garbage", place_ + " does not speak grpc.health.v1");
    return *status == "SERVING" ? passed(place_ + " is SERVING")
                                : failed(*status, place_ + " is " + *status);
  }

 private:
  HttpRequest request_;
  std::string place_;
};

}  // namespace

std::unique_ptr<Check> make_http_check(const CheckSettings&, CheckTarget target,
                                       const CheckEnvironment&) {
  return std::make_unique<HttpCheck>(std::move(target));
}

std::unique_ptr<Check> make_grpc_check(const CheckSettings&, CheckTarget target,
                                       const CheckEnvironment&) {
  return std::make_unique<GrpcCheck>(target);
}

}  // namespace hostlens::checks
