// SPDX-License-Identifier: Apache-2.0
// How the processing stages hand values on. One direction; one thread (the shard's).
#pragma once

#include <cstdint>
#include <memory>

#include "model/exchange_pool.h"
#include "model/service.h"
#include "model/socket_event.h"

namespace hostlens::processors {

/// Takes requests and finished exchanges: the correlator first, then the aggregators.
/// For every exchange: request_started once, then exactly one of exchange_finished or
/// exchange_dropped, and it stays where it is in between.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  /// The head of a request is known (method, path, process, times so far; the route only when
  /// finished).
  virtual void request_started(model::Exchange& exchange) noexcept = 0;
  virtual void exchange_finished(model::ExchangePtr exchange) noexcept = 0;
  /// Begun, but lost by us (gap, limits): already counted in the ledger; active requests must go
  /// down.
  virtual void exchange_dropped(model::Exchange& exchange) noexcept = 0;
};

/// Totals since the previous report of the same connection.
struct ConnectionDelta {
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint32_t retransmits = 0;
  uint32_t srtt_us = 0;  ///< latest value, 0: none (AF_UNIX, or not measured yet)
};

/// What connection metrics need to know of a connection.
struct ConnectionFacts {
  model::ConnectionId connection = 0;
  model::SocketRole role = model::SocketRole::kUnknown;
  bool mid_life = false;
  model::ResetReason reset_reason = model::ResetReason::kNone;  ///< known when it is closed
  model::SocketAddress local;
  model::SocketAddress remote;
  std::shared_ptr<const model::Process> process;
};

/// Takes the life of connections: the aggregators.
class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;
  virtual void connection_opened(const ConnectionFacts& facts,
                                 uint64_t connect_latency_ns) noexcept = 0;
  /// At most once per second and connection, and once more just before connection_closed.
  virtual void connection_progress(const ConnectionFacts& facts,
                                   const ConnectionDelta& delta) noexcept = 0;
  virtual void connection_closed(const ConnectionFacts& facts,
                                 model::CloseReason reason) noexcept = 0;
  virtual void connect_failed(const std::shared_ptr<const model::Process>& process,
                              const model::ConnectFailed& failure) noexcept = 0;
};

}  // namespace hostlens::processors
