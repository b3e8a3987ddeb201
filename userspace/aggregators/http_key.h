// SPDX-License-Identifier: Apache-2.0
// What of an exchange decides on its series, and the attributes made of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/attribute.h"
#include "model/exchange.h"
#include "model/service.h"

namespace hostlens::aggregators {

struct HttpKey {
  const model::Service* service = nullptr;
  std::string_view method;  ///< a known one: of static storage
  std::string_view scheme;
  std::string_view route;
  std::string_view host;  ///< client only: its server is named by Host, else by address
  std::array<uint8_t, 16> ip{};
  model::AddressFamily family = model::AddressFamily::kUnknown;
  uint16_t port = 0;
  uint16_t status = 0;
  model::ExchangeEnd end = model::ExchangeEnd::kComplete;
  uint8_t version_minor = 0;
  bool websocket = false;

  bool operator==(const HttpKey&) const = default;
  [[nodiscard]] size_t hash() const;
  [[nodiscard]] HttpKey owned(std::string& texts) const;
};

/// Of a request that has begun: method, scheme and, for a client, the server.
[[nodiscard]] HttpKey active_key(const model::Exchange& exchange, const model::Service& service);
/// Of a finished one.
[[nodiscard]] HttpKey finished_key(const model::Exchange& exchange, const model::Service& service);

[[nodiscard]] model::Attributes active_attributes(const model::Exchange& exchange);
[[nodiscard]] model::Attributes finished_attributes(const model::Exchange& exchange);

}  // namespace hostlens::aggregators
