// SPDX-License-Identifier: Apache-2.0
// The bytes of connections: positions, gaps, the guess at the protocol, and what its parser finds.
#include <algorithm>
#include <cstring>
#include <utility>

#include "processors/connection_tracker.h"

namespace hostlens::processors {
namespace {

using base::DropReason;
using base::Stage;
using model::Direction;
using model::SocketRole;
using protocols::Flow;
using protocols::StreamChunk;
using protocols::Verdict;

/// So many turns without a known protocol, and only every kRetryTurns-th one is looked at: bytes of
/// an unknown protocol must cost next to nothing, yet a guess can be revised.
constexpr uint32_t kSureTurns = 8;
constexpr uint32_t kRetryTurns = 32;

StreamChunk chunk_of(const model::SocketData& data) {
  const auto* const bytes = reinterpret_cast<const char*>(data.payload.data());
  return {data.position,
          data.length,
          {bytes, static_cast<size_t>(std::min<uint64_t>(data.payload.size(), data.length))},
          data.time_ns,
          data.tid};
}

Direction other(Direction direction) {
  return direction == Direction::kSend ? Direction::kReceive : Direction::kSend;
}

bool not_found(uint16_t status) { return status == 404 || status == 405 || status == 400; }

}  // namespace

ConnectionTracker::DataOutcome ConnectionTracker::on_data(const model::SocketData& data) noexcept {
  Connection* const connection = find(data.connection);
  if (connection == nullptr) return DataOutcome::kUnknownConnection;
  accept(*connection, data);
  return DataOutcome::kOk;
}

void ConnectionTracker::on_orphan_data(const model::SocketData& data) noexcept {
  if (on_data(data) == DataOutcome::kOk) return;
  // A full table would only turn over: what was let go just now would push out the next.
  if (table_.size() >= settings_.max_connections) {
    ledger_.received(Stage::kTrack);
    return ledger_.dropped(Stage::kTrack, DropReason::kTrackLimit);
  }
  model::SocketOpened opening;
  opening.time_ns = data.time_ns;
  opening.connection = data.connection;
  opening.process.pid = data.pid;
  opening.tid = data.tid;
  opening.mid_life = true;
  Connection& connection = insert(opening);
  connection.has_addresses = false;
  ++adopted_;
  accept(connection, data);
}

void ConnectionTracker::accept(Connection& connection, const model::SocketData& data) {
  ledger_.received(Stage::kTrack);
  connection.last_use_ns = data.time_ns;
  by_use_.touch(connection);
  if (data.pid != connection.pid && data.pid != 0) {
    count_unix(connection, -1);
    set_process(connection, data.pid);
    count_unix(connection, 1);
  }
  if (data.srtt_us != 0) connection.srtt_us = data.srtt_us;
  connection.retransmits = std::max(connection.retransmits, data.retransmits);
  connection.changed = true;
  if (data.length > 0) {
    stream(connection, data);
  } else {
    ledger_.forwarded(Stage::kTrack);
  }
  if (data.end_of_stream && connection.parser != nullptr) {
    current_ = &connection;
    connection.parser->on_end(
        data.direction == connection.requests ? Flow::kRequest : Flow::kResponse, data.time_ns);
    current_ = nullptr;
  }
}

void ConnectionTracker::stream(Connection& connection, const model::SocketData& data) {
  StreamState& state = connection.streams[static_cast<size_t>(data.direction)];
  StreamChunk chunk = chunk_of(data);
  if (state.positioned && data.position != state.next_position) {
    if (data.position + data.length <= state.next_position) {
      // Came after its place was given up as a gap.
      return ledger_.dropped(Stage::kTrack, DropReason::kGap);
    }
    if (data.position < state.next_position) {
      const uint64_t known = state.next_position - data.position;
      chunk.position += known;
      chunk.length -= known;
      chunk.seen.remove_prefix(static_cast<size_t>(std::min<uint64_t>(known, chunk.seen.size())));
    } else {
      const uint64_t lost = data.position - state.next_position;
      state.bytes += lost;
      settle_pending(connection, false, DropReason::kUndetected);
      if (connection.parser != nullptr) {
        current_ = &connection;
        connection.parser->on_gap(
            data.direction == connection.requests ? Flow::kRequest : Flow::kResponse, lost);
        current_ = nullptr;
      }
    }
  }
  state.positioned = true;
  state.next_position = chunk.position + chunk.length;
  state.bytes += chunk.length;
  const bool turn = !connection.any_data || connection.last_direction != data.direction;
  connection.any_data = true;
  connection.last_direction = data.direction;
  if (connection.parser != nullptr) {
    ledger_.forwarded(Stage::kTrack);
    return feed(connection, data.direction, chunk);
  }
  if (connection.pending == nullptr) {
    if (turn) ++connection.failed_guesses;
    const bool look = turn && (connection.failed_guesses <= kSureTurns ||
                               connection.failed_guesses % kRetryTurns == 0);
    if (!look) return ledger_.dropped(Stage::kTrack, DropReason::kUndetected);
  }
  model::SocketData rest = data;
  rest.position = chunk.position;
  rest.length = chunk.length;
  rest.payload = {reinterpret_cast<const std::byte*>(chunk.seen.data()), chunk.seen.size()};
  if (!detect(connection, rest)) ledger_.dropped(Stage::kTrack, DropReason::kUndetected);
}

/// False: these bytes belong to no known protocol and still have to be counted.
bool ConnectionTracker::detect(Connection& connection, const model::SocketData& data) {
  if (connection.pending != nullptr && connection.pending_direction != data.direction) {
    settle_pending(connection, false, DropReason::kUndetected);
  }
  const StreamChunk chunk = chunk_of(data);
  PendingBytes* const pending = connection.pending.get();
  std::string_view bytes = chunk.seen;
  if (pending != nullptr) {
    const size_t more =
        std::min<size_t>(chunk.seen.size(), protocols::kDetectBytes - pending->size);
    std::memcpy(pending->bytes.data() + pending->size, chunk.seen.data(), more);
    bytes = {pending->bytes.data(), pending->size + more};
  }
  const SocketRole role = connection.facts.role;
  const bool receiving = data.direction == Direction::kReceive;
  const bool may_request =
      role == SocketRole::kUnknown || (role == SocketRole::kServer) == receiving;
  const bool may_respond =
      role == SocketRole::kUnknown || (role == SocketRole::kClient) == receiving;
  bool undecided = false;
  for (const protocols::ProtocolEntry& protocol : settings_.protocols) {
    const Verdict request = may_request ? protocol.detect_request(bytes) : Verdict::kNo;
    const Verdict response =
        may_respond && request != Verdict::kYes ? protocol.detect_response(bytes) : Verdict::kNo;
    if (request == Verdict::kYes || response == Verdict::kYes) {
      start_parser(connection, protocol,
                   request == Verdict::kYes ? data.direction : other(data.direction));
      ledger_.forwarded(Stage::kTrack);
      settle_pending(connection, true, DropReason::kUndetected);
      // The bytes that waited may have shown the guess to be wrong.
      if (connection.parser != nullptr) feed(connection, data.direction, chunk);
      return true;
    }
    undecided = undecided || request == Verdict::kNeedMore || response == Verdict::kNeedMore;
  }
  const bool hidden = chunk.seen.size() < chunk.length;
  if (!undecided || hidden || bytes.size() >= protocols::kDetectBytes) {
    settle_pending(connection, false, DropReason::kUndetected);
    return false;
  }
  if (pending == nullptr) {
    connection.pending = std::make_unique<PendingBytes>();
    connection.pending_direction = data.direction;
    connection.pending->first = chunk;
    std::memcpy(connection.pending->bytes.data(), bytes.data(), bytes.size());
  }
  connection.pending->size = static_cast<uint8_t>(bytes.size());
  ++connection.pending->records;
  return true;
}

/// The bytes that waited for a decision go to the parser, or are counted as lost.
void ConnectionTracker::settle_pending(Connection& connection, bool understood, DropReason reason) {
  if (connection.pending == nullptr) return;
  const std::unique_ptr<PendingBytes> pending = std::exchange(connection.pending, nullptr);
  if (!understood) return ledger_.dropped(Stage::kTrack, reason, pending->records);
  ledger_.forwarded(Stage::kTrack, pending->records);
  StreamChunk chunk = pending->first;
  chunk.seen = {pending->bytes.data(), pending->size};
  chunk.length = pending->size;
  feed(connection, connection.pending_direction, chunk);
}

void ConnectionTracker::start_parser(Connection& connection,
                                     const protocols::ProtocolEntry& protocol, Direction requests) {
  connection.requests = requests;
  const bool server = requests == Direction::kReceive;
  if (connection.facts.role == SocketRole::kUnknown) {
    connection.facts.role = server ? SocketRole::kServer : SocketRole::kClient;
  }
  protocols::ParserContext context;
  context.side = server ? model::Side::kServer : model::Side::kClient;
  // Undetected turns before may have been messages of this protocol, cut by our late arrival.
  context.mid_life = connection.facts.mid_life || connection.failed_guesses > 1;
  context.limits = settings_.parser;
  connection.parser = protocol.create(context, *this);
}

void ConnectionTracker::feed(Connection& connection, Direction direction,
                             const StreamChunk& chunk) {
  current_ = &connection;
  connection.parser->on_chunk(direction == connection.requests ? Flow::kRequest : Flow::kResponse,
                              chunk);
  current_ = nullptr;
  if (connection.parser->confidence() == protocols::Confidence::kRejected) {
    let_parser_go(connection, DropReason::kParse);
  }
}

void ConnectionTracker::let_parser_go(Connection& connection, DropReason reason) {
  if (connection.parser == nullptr) return;
  current_ = &connection;
  connection.parser->abandon(reason);
  current_ = nullptr;
  connection.parser.reset();
  ++connection.failed_guesses;
}

void ConnectionTracker::exchange_started(model::Exchange& exchange) noexcept {
  const Connection& connection = *current_;
  exchange.id = next_exchange_id_++;
  exchange.connection = connection.facts.connection;
  exchange.local = connection.facts.local;
  exchange.remote = connection.facts.remote;
  exchange.network_namespace = connection.network_namespace;
  exchange.socket_identity = connection.socket_identity;
  exchange.peer_identity = connection.peer_identity;
  exchange.process = connection.facts.process;
  redact(exchange.http, settings_.query);
  ledger_.received(Stage::kMatch);
  exchanges_.request_started(exchange);
}

void ConnectionTracker::exchange_finished(model::ExchangePtr finished) noexcept {
  // Routes are learned here and not at the start: only an answer tells whether the path exists.
  model::Exchange& exchange = *finished;
  const model::HttpMessage& http = exchange.http;
  if (exchange.side == model::Side::kServer) {
    const bool learn = http.status != 0 && !not_found(http.status) && !http.target_truncated;
    exchange.route = routes_.route(current_->service_key, http.path, learn);
  } else {
    exchange.route = routes_.configured_route(http.path);
  }
  ledger_.forwarded(Stage::kMatch);
  exchanges_.exchange_finished(std::move(finished));
}

void ConnectionTracker::exchange_dropped(model::Exchange& exchange, DropReason reason) noexcept {
  ledger_.dropped(Stage::kMatch, reason);
  exchanges_.exchange_dropped(exchange);
}

void ConnectionTracker::message_lost(DropReason reason) noexcept {
  ledger_.received(Stage::kMatch);
  ledger_.dropped(Stage::kMatch, reason);
}

}  // namespace hostlens::processors
