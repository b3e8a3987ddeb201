// SPDX-License-Identifier: Apache-2.0
#include "processors/http_semantics.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hostlens::processors {
namespace {

using model::ExchangeEnd;
using model::Side;

constexpr std::array<std::string_view, 10> kMethods = {
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"};
constexpr std::string_view kOther = "_OTHER";

}  // namespace

std::string_view known_method(std::string_view method) {
  const auto* const found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? kOther : *found;
}

std::string error_type(const model::Exchange& exchange) {
  const uint16_t status = exchange.http.status;
  if (status >= (exchange.side == Side::kServer ? 500 : 400)) return std::to_string(status);
  switch (exchange.end) {
    case ExchangeEnd::kComplete:
    case ExchangeEnd::kUpgraded:
      return {};
    case ExchangeEnd::kClosedByServer:
      return "closed_by_server";
    case ExchangeEnd::kClosedByClient:
      return "closed_by_client";
    case ExchangeEnd::kReset:
      return "connection_reset";
    case ExchangeEnd::kTimedOut:
      return "timeout";
  }
  return {};
}

ServerAddress server_address(const model::Exchange& exchange) {
  const bool server = exchange.side == Side::kServer;
  const model::SocketAddress& end = server ? exchange.local : exchange.remote;
  const std::string_view host = exchange.http.host;
  if (host.empty()) return {end.ip_text(), end.port};
  ServerAddress result;
  // RFC 9110 7.2: uri-host [":" port]; an IPv6 address is in brackets.
  const size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  result.address =
      bracket == std::string_view::npos ? host.substr(0, colon) : host.substr(1, bracket - 1);
  if (colon != std::string_view::npos) {
    const std::string_view digits = host.substr(colon + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  }
  if (result.port == 0 && !server) result.port = end.port;
  return result;
}

}  // namespace hostlens::processors
