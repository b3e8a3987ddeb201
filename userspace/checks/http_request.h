// SPDX-License-Identifier: Apache-2.0
// One HTTP request over libcurl, on a connection of its own, within bounds.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "checks/check.h"

namespace hostlens::checks {

struct HttpRequest {
  std::string url;
  bool http2 = false;  ///< with prior knowledge on a plain connection, by ALPN on TLS
  std::vector<std::string> headers;
  std::string body;  ///< "": GET
};

struct HttpAnswer {
  long status = 0;
  std::string body;          ///< the first 64 KiB
  std::string grpc_status;   ///< header or trailer
  std::string grpc_message;  ///< the same
};

/// Redirects are not followed and proxies not asked: the check is of what the URL names.
[[nodiscard]] std::variant<HttpAnswer, model::CheckResult> http_request(const HttpRequest& request,
                                                                        const Deadline& deadline);

}  // namespace hostlens::checks
