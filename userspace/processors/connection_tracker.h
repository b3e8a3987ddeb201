// SPDX-License-Identifier: Apache-2.0
// Socket events -> byte streams of known connections -> protocol parsers -> exchanges; and the life
// of connections for their metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/ledger.h"
#include "discovery/process_resolver.h"
#include "model/socket_event.h"
#include "processors/connection.h"
#include "processors/flat_map.h"
#include "processors/redaction.h"
#include "processors/route_templater.h"
#include "processors/sinks.h"
#include "protocols/stream_parser.h"

namespace hostlens::processors {

struct ConnectionTrackerSettings {
  protocols::ProtocolTable protocols;
  protocols::ParserLimits parser;
  QueryRedaction query;
  size_t max_connections = 16384;  ///< more: the idlest is let go
  /// AF_UNIX and connections without addresses tell no close reliably; TCP does, unless the record
  /// was lost, so its limit is long.
  uint64_t unix_idle_ns = 600'000'000'000;
  uint64_t tcp_idle_ns = 7'200'000'000'000;
};

/// Shard thread only. The ledger's books of kTrack (one per SocketData) and kMatch (one per
/// request) are kept here, for every protocol in the same way.
class ConnectionTracker final : private protocols::ParserSink {
 public:
  ConnectionTracker(ConnectionTrackerSettings settings, RouteTemplater routes, base::Ledger ledger,
                    discovery::ProcessResolver& processes, model::ExchangePool& pool,
                    ExchangeSink& exchanges, ConnectionSink& connections);
  ~ConnectionTracker() override = default;
  ConnectionTracker(const ConnectionTracker&) = delete;
  ConnectionTracker& operator=(const ConnectionTracker&) = delete;

  void on_control(const model::ControlEvent& event) noexcept;

  enum class DataOutcome : uint8_t { kOk, kUnknownConnection };
  /// kUnknownConnection: nothing was counted or done; drain the control ring and try again, then
  /// call on_orphan_data.
  [[nodiscard]] DataOutcome on_data(const model::SocketData& data) noexcept;
  /// Data of a connection whose opening was lost: it is adopted without addresses while there is
  /// room, else dropped{track_limit}.
  void on_orphan_data(const model::SocketData& data) noexcept;

  /// Call at least every 200 ms; work is done a few times per second at most.
  void tick(uint64_t now_ns) noexcept;

  /// After a reload: for what begins from now on; connections keep their parsers and limits.
  void reconfigure(ConnectionTrackerSettings settings, RouteTemplater routes) noexcept;

  /// Before the end of the worker: open exchanges become dropped{shutdown}, connections are
  /// forgotten.
  void stop() noexcept;

  [[nodiscard]] size_t connections() const { return table_.size(); }
  [[nodiscard]] uint64_t evicted_total() const { return evicted_; }
  [[nodiscard]] uint64_t adopted_total() const { return adopted_; }
  [[nodiscard]] uint64_t route_overflows_total() const { return routes_.overflowed(); }

 private:
  model::ExchangePtr new_exchange() noexcept override { return pool_.take(); }
  void exchange_started(model::Exchange& exchange) noexcept override;
  void exchange_finished(model::ExchangePtr exchange) noexcept override;
  void exchange_dropped(model::Exchange& exchange, base::DropReason reason) noexcept override;
  void message_lost(base::DropReason reason) noexcept override;

  void opened(const model::SocketOpened& event);
  void closed(const model::SocketClosed& event);
  void exited(const model::ProcessExit& event);
  Connection* find(model::ConnectionId id);
  Connection& insert(const model::SocketOpened& event);
  void remove(Connection& connection);
  void evict_idlest();
  void close(Connection& connection, uint64_t time_ns, model::CloseReason reason);

  void accept(Connection& connection, const model::SocketData& data);
  void stream(Connection& connection, const model::SocketData& data);
  bool detect(Connection& connection, const model::SocketData& data);
  void start_parser(Connection& connection, const protocols::ProtocolEntry& protocol,
                    model::Direction requests);
  void feed(Connection& connection, model::Direction direction,
            const protocols::StreamChunk& chunk);
  void settle_pending(Connection& connection, bool understood, base::DropReason reason);
  void let_parser_go(Connection& connection, base::DropReason reason);
  void set_process(Connection& connection, uint32_t pid);
  void report_progress(Connection& connection);
  void count_unix(const Connection& connection, int change);

  ConnectionTrackerSettings settings_;
  RouteTemplater routes_;
  base::Ledger ledger_;
  discovery::ProcessResolver& processes_;
  model::ExchangePool& pool_;
  ExchangeSink& exchanges_;
  ConnectionSink& connection_sink_;
  FlatMap<std::unique_ptr<Connection>> table_;
  std::unordered_map<uint32_t, uint32_t> unix_by_pid_;  ///< open AF_UNIX connections
  ConnectionList by_use_;                               ///< idlest first
  Connection* last_ = nullptr;                          ///< the connection of the last event
  Connection* current_ = nullptr;                       ///< whose parser is being called
  uint64_t next_exchange_id_ = 1;
  uint64_t last_sweep_ns_ = 0;
  uint64_t last_progress_ns_ = 0;
  uint64_t evicted_ = 0;
  uint64_t adopted_ = 0;
};

}  // namespace hostlens::processors
