// SPDX-License-Identifier: Apache-2.0
// One request with its response, whatever the protocol: what parsers make and all later stages use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/service.h"
#include "model/socket_address.h"
#include "model/socket_event.h"
#include "model/trace_context.h"

namespace hostlens::model {

enum class Protocol : uint8_t { kUnknown, kHttp1 };

/// Side of the observed process: a server answers the request, a client sent it.
enum class Side : uint8_t { kServer, kClient };

enum class ExchangeEnd : uint8_t {
  kComplete,        ///< the whole response was seen
  kClosedByServer,  ///< the connection ended before the response did
  kClosedByClient,  ///< the requester went away first
  kReset,           ///< RST
  kTimedOut,        ///< ended by the agent: no byte for longer than limits.exchange_timeout
  kUpgraded,        ///< 101 or a successful CONNECT: the rest is another protocol
};

/// HTTP/1.x fields that are no texts.
struct HttpFacts {
  uint16_t status = 0;            ///< 0: none was seen
  uint8_t version_minor = 1;      ///< HTTP/1.<minor>
  bool target_truncated = false;  ///< the request-target was longer than limits.target_bytes
};

/// HTTP/1.x fields. Texts are already bounded; `query` is raw here and redacted by processors/.
struct HttpMessage : HttpFacts {
  static constexpr std::string_view kPlainScheme = "http";

  std::string method;  ///< as sent; metrics use the known ones and "_OTHER"
  std::string path;    ///< of the request-target, without query, fragment and authority
  std::string query;
  std::string host;  ///< Host header (or authority of an absolute request-target)
  std::string user_agent;
  std::string upgrade;  ///< protocol of a successful Upgrade, e.g. "websocket"
  /// http unless the request-target says otherwise (absolute form).
  std::string scheme = std::string(kPlainScheme);
};

/// What an exchange is besides texts, identity and trace. Times are CLOCK_MONOTONIC nanoseconds.
struct ExchangeFacts {
  uint64_t id = 0;  ///< unique within the worker
  Protocol protocol = Protocol::kUnknown;
  Side side = Side::kServer;
  ExchangeEnd end = ExchangeEnd::kComplete;

  uint64_t request_start_ns = 0;   ///< first byte of the request passed the socket call
  uint64_t request_end_ns = 0;     ///< last byte of the request
  uint64_t response_start_ns = 0;  ///< first byte of the final response (not of 1xx), 0: none
  uint64_t end_ns = 0;             ///< last byte of the response, or the abort

  uint64_t request_body_bytes = 0;  ///< as on the wire without chunk framing
  uint64_t response_body_bytes = 0;
  /// False: the size is not known (the framing was not visible, or the message did not end): report
  /// none.
  bool request_body_known = true;
  bool response_body_known = true;

  ConnectionId connection = 0;
  SocketAddress local;
  SocketAddress remote;
  uint32_t network_namespace = 0;
  uint64_t socket_identity = 0;  ///< AF_UNIX, as in SocketOpened: to join both ends; 0 when unknown
  uint64_t peer_identity = 0;
  uint64_t request_position =
      0;  ///< stream position of the request's first byte, to join both ends
  uint32_t request_tid =
      0;  ///< thread that read (server) or wrote (client) the request's first byte
  uint32_t response_tid = 0;

  SpanId parent_span_id{};  ///< filled by the correlator; zero: a root

  /// Marks of the stages that follow it from its start to its end, so that they need no table of
  /// open exchanges. Nobody else reads them.
  uint32_t correlator_node = UINT32_MAX;
  void* active_series = nullptr;
};

/// Created by a protocol parser; the connection fields are filled by processors/connection_tracker,
/// identity by discovery, context by processors/correlator.
struct Exchange : ExchangeFacts {
  std::shared_ptr<const Process> process;
  HttpMessage http;
  std::string route;      ///< templated path, "" when the per-service limit was reached
  TraceContext incoming;  ///< traceparent found in the request
  TraceContext context;   ///< this exchange's own ids, filled by the correlator

  /// As new, but with the memory of its texts.
  void reset() noexcept;
};

}  // namespace hostlens::model
