// SPDX-License-Identifier: Apache-2.0
#include "processors/span_builder.h"

#include <string>
#include <string_view>
#include <utility>

#include "processors/http_semantics.h"

namespace hostlens::processors {
namespace {

using model::AttributeValue;
using model::ExchangeEnd;
using model::Side;

constexpr std::string_view kOtherMethod = "_OTHER";

void add(model::Attributes& attributes, std::string_view key, AttributeValue value) {
  attributes.push_back({std::string(key), std::move(value)});
}

void add_text(model::Attributes& attributes, std::string_view key, std::string_view text) {
  if (!text.empty()) add(attributes, key, std::string(text));
}

void add_number(model::Attributes& attributes, std::string_view key, uint64_t number) {
  if (number != 0) add(attributes, key, static_cast<int64_t>(number));
}

/// "{method} {route}", the method alone without a route, "HTTP" for a method that is not known.
std::string span_name(std::string_view method, const model::Exchange& exchange) {
  std::string name(method == kOtherMethod ? std::string_view("HTTP") : method);
  if (!exchange.route.empty()) name.append(" ").append(exchange.route);
  return name;
}

std::string full_url(const model::Exchange& exchange) {
  const model::HttpMessage& http = exchange.http;
  const std::string authority = http.host.empty() ? exchange.remote.text() : http.host;
  std::string url = http.scheme + "://" + authority;
  if (http.path != "*") url += http.path;
  if (!http.query.empty()) url.append("?").append(http.query);
  return url;
}

void add_url(model::Attributes& attributes, const model::Exchange& exchange) {
  const model::HttpMessage& http = exchange.http;
  if (exchange.side == Side::kClient) {
    add(attributes, "url.full", full_url(exchange));
    add_text(attributes, "url.template", exchange.route);
    return;
  }
  add_text(attributes, "url.scheme", http.scheme);
  add_text(attributes, "url.path", http.path);
  add_text(attributes, "url.query", http.query);
  add_text(attributes, "http.route", exchange.route);
}

void add_network(model::Attributes& attributes, const model::Exchange& exchange) {
  const ServerAddress server = server_address(exchange);
  add_text(attributes, "server.address", server.address);
  if (!server.address.empty()) add_number(attributes, "server.port", server.port);
  const std::string peer = exchange.remote.ip_text();
  if (exchange.side == Side::kServer && !peer.empty()) {
    add_text(attributes, "client.address", peer);
    add_number(attributes, "client.port", exchange.remote.port);
  }
  if (!peer.empty()) {
    add_text(attributes, "network.peer.address", peer);
    add_number(attributes, "network.peer.port", exchange.remote.port);
  }
  if (exchange.local.family == model::AddressFamily::kUnix) {
    add_text(attributes, "network.transport", "unix");
  }
  add_text(attributes, "network.protocol.name", exchange.http.upgrade);
  add(attributes, "network.protocol.version",
      "1." + std::to_string(static_cast<unsigned>(exchange.http.version_minor)));
}

void add_sizes(model::Attributes& attributes, const model::Exchange& exchange) {
  if (exchange.request_body_known && exchange.request_body_bytes > 0) {
    add_number(attributes, "http.request.body.size", exchange.request_body_bytes);
  }
  if (exchange.response_body_known && exchange.http.status != 0) {
    add(attributes, "http.response.body.size", static_cast<int64_t>(exchange.response_body_bytes));
  }
  if (exchange.response_start_ns != 0) {
    add(attributes, "hostlens.http.time_to_first_byte",
        static_cast<double>(exchange.response_start_ns - exchange.request_start_ns) * 1e-9);
  }
}

}  // namespace

model::Span build_span(const model::Exchange& exchange, const base::WallClock& clock) {
  const model::HttpMessage& http = exchange.http;
  const std::string_view method = known_method(http.method);
  model::Span span;
  span.context = exchange.context;
  span.parent_span_id = exchange.parent_span_id;
  span.parent_is_remote =
      exchange.incoming.valid() && exchange.parent_span_id == exchange.incoming.span_id;
  span.kind = exchange.side == Side::kServer ? model::SpanKind::kServer : model::SpanKind::kClient;
  span.name = span_name(method, exchange);
  span.start_unix_ns = clock.unix_ns(exchange.request_start_ns);
  // From one reading of the offset, so that the duration is the monotonic one.
  span.end_unix_ns = span.start_unix_ns + (exchange.end_ns - exchange.request_start_ns);
  span.process = exchange.process;

  model::Attributes& attributes = span.attributes;
  attributes.reserve(24);
  add_text(attributes, "http.request.method", method);
  if (method == kOtherMethod) add_text(attributes, "http.request.method_original", http.method);
  add_url(attributes, exchange);
  add_number(attributes, "http.response.status_code", http.status);
  add_network(attributes, exchange);
  add_text(attributes, "user_agent.original", http.user_agent);
  add_sizes(attributes, exchange);
  add_number(attributes, "thread.id", exchange.request_tid);
  const std::string error = error_type(exchange);
  if (!error.empty()) {
    span.status = model::SpanStatus::kError;
    // The conventions want no description that only repeats the status code.
    if (error != std::to_string(http.status)) span.status_message = error;
    add_text(attributes, "error.type", error);
  }
  return span;
}

}  // namespace hostlens::processors
