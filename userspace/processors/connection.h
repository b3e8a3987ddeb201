// SPDX-License-Identifier: Apache-2.0
// What the connection tracker keeps of one connection.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "processors/sinks.h"
#include "protocols/stream_parser.h"

namespace hostlens::processors {

/// First bytes of a direction that no protocol could decide on yet.
struct PendingBytes {
  protocols::StreamChunk first;  ///< of the first call; its `seen` is not used
  std::array<char, protocols::kDetectBytes> bytes{};
  uint8_t size = 0;
  uint32_t records = 0;  ///< ledger: received, neither forwarded nor dropped yet
};

/// One direction of a connection.
struct StreamState {
  uint64_t next_position = 0;
  uint64_t bytes = 0;       ///< moved since first sight, lost ones included
  uint64_t reported = 0;    ///< of these, already told to the ConnectionSink
  bool positioned = false;  ///< next_position is known
};

struct Connection {
  ConnectionFacts facts;
  uint32_t pid = 0;          ///< of the process that used it last; facts.process belongs to it
  uint64_t service_key = 0;  ///< of its service, for routes
  uint32_t network_namespace = 0;
  uint64_t socket_identity = 0;
  uint64_t peer_identity = 0;
  std::array<StreamState, 2> streams;  ///< by model::Direction
  std::unique_ptr<protocols::StreamParser> parser;
  std::unique_ptr<PendingBytes> pending;
  uint64_t last_use_ns = 0;
  uint32_t retransmits = 0;
  uint32_t retransmits_reported = 0;
  uint32_t srtt_us = 0;
  uint32_t failed_guesses = 0;  ///< turns that began with no known protocol
  model::Direction pending_direction = model::Direction::kReceive;
  model::Direction requests = model::Direction::kReceive;  ///< valid with a parser
  model::Direction last_direction = model::Direction::kReceive;
  bool any_data = false;
  bool changed = false;         ///< something to report as progress
  bool has_addresses = true;    ///< its opening was seen: it exists for the ConnectionSink
  Connection* older = nullptr;  ///< intrusive list by use
  Connection* newer = nullptr;
};

/// Doubly linked through the connections, which it does not own: constant time for every operation.
class ConnectionList {
 public:
  [[nodiscard]] Connection* oldest() const { return oldest_; }
  void push(Connection& connection) {
    connection.older = newest_;
    connection.newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = &connection;
    newest_ = &connection;
  }
  void remove(Connection& connection) {
    (connection.older != nullptr ? connection.older->newer : oldest_) = connection.newer;
    (connection.newer != nullptr ? connection.newer->older : newest_) = connection.older;
  }
  void touch(Connection& connection) {
    if (newest_ == &connection) return;
    remove(connection);
    push(connection);
  }

 private:
  Connection* oldest_ = nullptr;
  Connection* newest_ = nullptr;
};

}  // namespace hostlens::processors
