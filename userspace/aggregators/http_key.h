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

/// What is compared and hashed as words: no padding.
struct HttpKeyNumbers {
  const model::Service* service = nullptr;
  const char* method = nullptr;  ///< of a known one's static text, which is unique
  std::array<uint8_t, 16> ip{};  ///< client only, when no Host names its server
  uint16_t port = 0;             ///< client only
  uint16_t status = 0;
  model::AddressFamily family = model::AddressFamily::kUnknown;
  model::ExchangeEnd end = model::ExchangeEnd::kComplete;
  uint8_t version_minor = 0;
  uint8_t websocket = 0;
};

struct HttpKey : HttpKeyNumbers {
  std::string_view scheme;  ///< empty for "http"
  std::string_view route;
  std::string_view host;  ///< client only: its server is named by Host, else by address

  [[nodiscard]] bool operator==(const HttpKey& other) const;
  [[nodiscard]] uint64_t hash() const;
  [[nodiscard]] HttpKey owned(std::string& texts) const;
};

/// Of a request that has begun: method, scheme and, for a client, the server.
[[nodiscard]] HttpKey active_key(const model::Exchange& exchange, const model::Service& service);
/// Of a finished one.
[[nodiscard]] HttpKey finished_key(const model::Exchange& exchange, const model::Service& service);

[[nodiscard]] model::Attributes active_attributes(const model::Exchange& exchange);
[[nodiscard]] model::Attributes finished_attributes(const model::Exchange& exchange);

}  // namespace hostlens::aggregators
