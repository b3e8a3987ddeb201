// SPDX-License-Identifier: Apache-2.0
// Connections: opening, closing, expiry and their metrics. Their bytes are in
// connection_streams.cpp.
#include "processors/connection_tracker.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hostlens::processors {
namespace {

using base::DropReason;
using base::Stage;
using model::CloseReason;
using model::Direction;

constexpr uint64_t kSweepNs = 200'000'000;
constexpr uint64_t kProgressNs = 1'000'000'000;

}  // namespace

ConnectionTracker::ConnectionTracker(ConnectionTrackerSettings settings, RouteTemplater routes,
                                     base::Ledger ledger, discovery::ProcessResolver& processes,
                                     model::ExchangePool& pool, ExchangeSink& exchanges,
                                     ConnectionSink& connections)
    : settings_(std::move(settings)),
      routes_(std::move(routes)),
      ledger_(ledger),
      processes_(processes),
      pool_(pool),
      exchanges_(exchanges),
      connection_sink_(connections) {}

void ConnectionTracker::reconfigure(ConnectionTrackerSettings settings,
                                    RouteTemplater routes) noexcept {
  settings_ = std::move(settings);
  routes_ = std::move(routes);
}

void ConnectionTracker::on_control(const model::ControlEvent& event) noexcept {
  if (const auto* open = std::get_if<model::SocketOpened>(&event)) return opened(*open);
  if (const auto* close_event = std::get_if<model::SocketClosed>(&event))
    return closed(*close_event);
  if (const auto* failed = std::get_if<model::ConnectFailed>(&event)) {
    return connection_sink_.connect_failed(processes_.resolve(failed->process.pid), *failed);
  }
  if (const auto* exit = std::get_if<model::ProcessExit>(&event)) return exited(*exit);
}

Connection* ConnectionTracker::find(model::ConnectionId id) {
  if (last_ != nullptr && last_->facts.connection == id) return last_;
  const std::unique_ptr<Connection>* const found = table_.find(id);
  return found == nullptr ? nullptr : last_ = found->get();
}

void ConnectionTracker::count_unix(const Connection& connection, int change) {
  if (connection.facts.local.family != model::AddressFamily::kUnix) return;
  uint32_t& count = unix_by_pid_[connection.pid];
  count += static_cast<uint32_t>(change);
  if (count == 0) unix_by_pid_.erase(connection.pid);
}

void ConnectionTracker::set_process(Connection& connection, uint32_t pid) {
  connection.pid = pid;
  connection.facts.process = processes_.resolve(pid);
  const model::Service& service = *connection.facts.process->service;
  connection.service_key = std::hash<std::string_view>{}(service.name) ^
                           (std::hash<std::string_view>{}(service.ns) << 1U);
}

Connection& ConnectionTracker::insert(const model::SocketOpened& event) {
  if (table_.size() >= settings_.max_connections) evict_idlest();
  auto owned = std::make_unique<Connection>();
  Connection& connection = *owned;
  connection.facts.connection = event.connection;
  connection.facts.role = event.role;
  connection.facts.mid_life = event.mid_life;
  connection.facts.local = event.local;
  connection.facts.remote = event.remote;
  connection.network_namespace = event.network_namespace;
  connection.socket_identity = event.socket_identity;
  connection.peer_identity = event.peer_identity;
  connection.last_use_ns = event.time_ns;
  set_process(connection, event.process.pid);
  table_[event.connection] = std::move(owned);
  by_use_.push(connection);
  count_unix(connection, 1);
  return connection;
}

void ConnectionTracker::opened(const model::SocketOpened& event) {
  if (Connection* const known = find(event.connection); known != nullptr) {
    if (known->has_addresses) return;
    // Adopted before: the opening was late, not lost.
    known->facts.local = event.local;
    known->facts.remote = event.remote;
    known->network_namespace = event.network_namespace;
    known->socket_identity = event.socket_identity;
    known->peer_identity = event.peer_identity;
    known->has_addresses = true;
    count_unix(*known, 1);
    return connection_sink_.connection_opened(known->facts, event.connect_latency_ns);
  }
  const Connection& connection = insert(event);
  connection_sink_.connection_opened(connection.facts, event.connect_latency_ns);
}

void ConnectionTracker::closed(const model::SocketClosed& event) {
  Connection* const connection = find(event.connection);
  if (connection == nullptr) return;
  connection->srtt_us = event.srtt_us != 0 ? event.srtt_us : connection->srtt_us;
  if (event.retransmits > connection->retransmits) {  // sent again after the last call
    connection->retransmits = event.retransmits;
    connection->changed = true;
  }
  StreamState& sent = connection->streams[static_cast<size_t>(Direction::kSend)];
  // More was sent than was reported: the last records are lost, not the response cut short. Totals
  // that retransmissions may have inflated prove nothing; one byte more may be the SYN.
  const bool comparable = !connection->facts.mid_life && event.retransmits == 0 &&
                          connection->facts.local.family != model::AddressFamily::kUnix;
  if (comparable && event.bytes_sent > sent.bytes + 1) {
    const uint64_t missing = event.bytes_sent - sent.bytes;
    sent.bytes = event.bytes_sent;
    connection->changed = true;
    if (connection->parser != nullptr) {
      current_ = connection;
      connection->parser->on_gap(connection->requests == Direction::kSend
                                     ? protocols::Flow::kRequest
                                     : protocols::Flow::kResponse,
                                 missing);
      current_ = nullptr;
    }
  }
  connection->facts.reset_reason = event.reset_reason;
  close(*connection, event.time_ns, event.reason);
}

void ConnectionTracker::close(Connection& connection, uint64_t time_ns, CloseReason reason) {
  settle_pending(connection, false, DropReason::kUndetected);
  if (connection.parser != nullptr) {
    current_ = &connection;
    connection.parser->on_close(time_ns, reason);
    current_ = nullptr;
  }
  report_progress(connection);
  if (connection.has_addresses) connection_sink_.connection_closed(connection.facts, reason);
  remove(connection);
}

void ConnectionTracker::remove(Connection& connection) {
  count_unix(connection, -1);
  by_use_.remove(connection);
  if (last_ == &connection) last_ = nullptr;
  table_.erase(connection.facts.connection);
}

void ConnectionTracker::evict_idlest() {
  Connection* const idlest = by_use_.oldest();
  if (idlest == nullptr) return;
  ++evicted_;
  settle_pending(*idlest, false, DropReason::kTrackLimit);
  let_parser_go(*idlest, DropReason::kTrackLimit);
  report_progress(*idlest);
  if (idlest->has_addresses)
    connection_sink_.connection_closed(idlest->facts, CloseReason::kNormal);
  remove(*idlest);
}

void ConnectionTracker::exited(const model::ProcessExit& event) {
  // TCP sockets report their own close; an AF_UNIX socket dies unseen with its last process.
  if (unix_by_pid_.find(event.process.pid) == unix_by_pid_.end()) return;
  std::vector<Connection*> gone;
  for (Connection* it = by_use_.oldest(); it != nullptr; it = it->newer) {
    if (it->pid == event.process.pid && it->facts.local.family == model::AddressFamily::kUnix) {
      gone.push_back(it);
    }
  }
  for (Connection* const connection : gone) close(*connection, event.time_ns, CloseReason::kNormal);
}

void ConnectionTracker::report_progress(Connection& connection) {
  if (!connection.changed || !connection.has_addresses) return;
  StreamState& sent = connection.streams[static_cast<size_t>(Direction::kSend)];
  StreamState& received = connection.streams[static_cast<size_t>(Direction::kReceive)];
  ConnectionDelta delta;
  delta.bytes_sent = sent.bytes - std::exchange(sent.reported, sent.bytes);
  delta.bytes_received = received.bytes - std::exchange(received.reported, received.bytes);
  delta.retransmits = connection.retransmits -
                      std::exchange(connection.retransmits_reported, connection.retransmits);
  delta.srtt_us = connection.srtt_us;
  connection.changed = false;
  connection_sink_.connection_progress(connection.facts, delta);
}

void ConnectionTracker::tick(uint64_t now_ns) noexcept {
  if (now_ns < last_sweep_ns_ + kSweepNs) return;
  last_sweep_ns_ = now_ns;
  const bool progress = now_ns >= last_progress_ns_ + kProgressNs;
  if (progress) last_progress_ns_ = now_ns;
  std::vector<Connection*> expired;
  for (Connection* it = by_use_.oldest(); it != nullptr; it = it->newer) {
    if (it->parser != nullptr) {
      current_ = it;
      it->parser->on_tick(now_ns);
      current_ = nullptr;
    }
    if (!progress) continue;
    report_progress(*it);
    const auto family = it->facts.local.family;
    const bool tcp = family == model::AddressFamily::kIpv4 || family == model::AddressFamily::kIpv6;
    const uint64_t limit = tcp ? settings_.tcp_idle_ns : settings_.unix_idle_ns;
    if (now_ns > it->last_use_ns + limit) expired.push_back(it);
  }
  for (Connection* const connection : expired) {
    let_parser_go(*connection, DropReason::kAborted);
    close(*connection, now_ns, CloseReason::kNormal);
  }
}

void ConnectionTracker::stop() noexcept {
  while (by_use_.oldest() != nullptr) {
    Connection& connection = *by_use_.oldest();
    settle_pending(connection, false, DropReason::kShutdown);
    let_parser_go(connection, DropReason::kShutdown);
    report_progress(connection);
    remove(connection);
  }
}

}  // namespace hostlens::processors
