// SPDX-License-Identifier: Apache-2.0
// What OpenTelemetry's HTTP semantic conventions make of an exchange; spans and metrics share it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/exchange.h"

namespace hostlens::processors {

/// http.request.method: a method of RFC 9110, PATCH or QUERY as it is, everything else "_OTHER".
[[nodiscard]] std::string_view known_method(std::string_view method);

/// error.type: the status code as text when the conventions call it an error (500 and more for a
/// server, 400 and more for a client), else why the exchange did not complete; "" for success.
[[nodiscard]] std::string error_type(const model::Exchange& exchange);

/// server.address and server.port: by Host, else by the server's end of the connection. Port 0: not
/// known (a Host without port says nothing about a port behind proxies).
struct ServerAddress {
  std::string address;
  uint16_t port = 0;
};
[[nodiscard]] ServerAddress server_address(const model::Exchange& exchange);

}  // namespace hostlens::processors
