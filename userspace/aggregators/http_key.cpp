// SPDX-License-Identifier: Apache-2.0
#include "aggregators/http_key.h"

#include <strings.h>

#include <bit>

#include "aggregators/attribute_set.h"
#include "base/hash.h"
#include "processors/http_semantics.h"

namespace hostlens::aggregators {
namespace {

using model::Side;

constexpr size_t kWords = sizeof(HttpKeyNumbers) / sizeof(uint64_t);

std::array<uint64_t, kWords> words(const HttpKeyNumbers& numbers) {
  static_assert(std::has_unique_object_representations_v<HttpKeyNumbers>);
  return std::bit_cast<std::array<uint64_t, kWords>>(numbers);
}

bool is_websocket(const model::HttpMessage& http) {
  return !http.upgrade.empty() && strcasecmp(http.upgrade.c_str(), "websocket") == 0;
}

}  // namespace

bool HttpKey::operator==(const HttpKey& other) const {
  return words(*this) == words(other) && scheme == other.scheme && route == other.route &&
         host == other.host;
}

uint64_t HttpKey::hash() const {
  uint64_t hash = scheme.size();
  for (const uint64_t word : words(*this)) hash = base::mix(hash, word);
  hash = base::mix(hash, route);
  return host.empty() ? hash : base::mix(hash, host);
}

HttpKey HttpKey::owned(std::string& texts) const {
  texts.reserve(scheme.size() + route.size() + host.size());
  texts.append(scheme).append(route).append(host);
  HttpKey key = *this;
  const std::string_view all = texts;
  key.scheme = all.substr(0, scheme.size());
  key.route = all.substr(scheme.size(), route.size());
  key.host = all.substr(scheme.size() + route.size());
  return key;
}

HttpKey active_key(const model::Exchange& exchange, const model::Service& service) {
  HttpKey key;
  key.service = &service;
  key.method = processors::known_method(exchange.http.method).data();
  if (exchange.http.scheme != model::HttpMessage::kPlainScheme) key.scheme = exchange.http.scheme;
  if (exchange.side == Side::kClient) {
    key.host = exchange.http.host;
    key.port = exchange.remote.port;
    key.family = exchange.remote.family;
    if (key.host.empty()) key.ip = exchange.remote.ip;
  }
  return key;
}

HttpKey finished_key(const model::Exchange& exchange, const model::Service& service) {
  HttpKey key = active_key(exchange, service);
  key.route = exchange.route;
  key.status = exchange.http.status;
  key.end = exchange.end;
  key.version_minor = exchange.http.version_minor;
  key.websocket = is_websocket(exchange.http) ? 1 : 0;
  return key;
}

model::Attributes active_attributes(const model::Exchange& exchange) {
  model::Attributes attributes;
  put_text(attributes, "http.request.method", processors::known_method(exchange.http.method));
  put_text(attributes, "url.scheme", exchange.http.scheme);
  // The conventions want the server on the client's side and advise against it on the server's,
  // where Host is whatever a stranger sends.
  if (exchange.side == Side::kClient) {
    const processors::ServerAddress server = processors::server_address(exchange);
    put_text(attributes, "server.address", server.address);
    if (!server.address.empty()) put_number(attributes, "server.port", server.port);
  }
  return attributes;
}

model::Attributes finished_attributes(const model::Exchange& exchange) {
  model::Attributes attributes = active_attributes(exchange);
  put_text(attributes, "error.type", processors::error_type(exchange));
  put_number(attributes, "http.response.status_code", exchange.http.status);
  // A client's route is one of the operator's patterns, never a guess.
  const bool server = exchange.side == Side::kServer;
  put_text(attributes, server ? "http.route" : "url.template", exchange.route);
  if (is_websocket(exchange.http)) put_text(attributes, "network.protocol.name", "websocket");
  put_text(attributes, "network.protocol.version",
           "1." + std::to_string(unsigned{exchange.http.version_minor}));
  return attributes;
}

}  // namespace hostlens::aggregators
