// SPDX-License-Identifier: Apache-2.0
#include "processors/correlator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/hash.h"

namespace hostlens::processors {
namespace {

using base::mix;
using base::Stage;
using model::AddressFamily;
using model::Side;

/// How far the two ends' records of one request may contradict causality: a send's record is
/// written when the call returns, which can be after the other end has read.
constexpr uint64_t kSkewNs = 50'000'000;
constexpr uint8_t kSampled = 1;

uint64_t mix_address(uint64_t hash, const model::SocketAddress& address) {
  const auto halves = std::bit_cast<std::array<uint64_t, 2>>(address.ip);
  if (address.family == AddressFamily::kIpv4) {  // four bytes: one word together with the port
    return mix(hash, halves[0] | uint64_t{address.port} << 32U);
  }
  return mix(mix(mix(hash, halves[0]), halves[1]), address.port);
}

}  // namespace

uint64_t Correlator::WireKey::hash() const {
  uint64_t hash = mix(0, uint64_t{network_namespace} << 32U | position);
  hash = client.family == AddressFamily::kUnix ? mix(mix(hash, client_identity), server_identity)
                                               : mix_address(mix_address(hash, client), server);
  return hash == 0 ? 1 : hash;
}

Correlator::Correlator(CorrelatorSettings settings, base::Ledger ledger, ExchangeSink& downstream)
    : settings_(settings),
      ledger_(ledger),
      downstream_(downstream),
      ids_(settings.seed),
      forest_(settings.max_tracked) {}

bool Correlator::wire_key(const model::Exchange& exchange, WireKey& key) {
  const bool client = exchange.side == Side::kClient;
  key.client = client ? exchange.local : exchange.remote;
  key.server = client ? exchange.remote : exchange.local;
  // TCP sequence numbers are all that the two ends have in common of the position.
  key.position = static_cast<uint32_t>(exchange.request_position);
  if (exchange.local.family == AddressFamily::kUnix) {
    key.client = key.server = {AddressFamily::kUnix, 0, {}};
    key.client_identity = client ? exchange.socket_identity : exchange.peer_identity;
    key.server_identity = client ? exchange.peer_identity : exchange.socket_identity;
    return key.client_identity != 0 && key.server_identity != 0;
  }
  if (exchange.local.family == AddressFamily::kUnknown) return false;
  if (exchange.local.is_loopback() || exchange.remote.is_loopback()) {
    key.network_namespace = exchange.network_namespace;
  }
  return true;
}

void Correlator::request_started(model::Exchange& exchange) noexcept {
  clock_ns_ = std::max(clock_ns_, exchange.request_start_ns);
  const Index node = forest_.plant(ids_.span_id());
  if (node != TraceForest::kNone) {
    if (node >= entries_.size()) entries_.resize(node + 1);
    Entry& entry = entries_[node];
    entry = Entry{};
    entry.start_ns = exchange.request_start_ns;
    entry.tid = exchange.request_tid;
    entry.side = exchange.side;
    exchange.correlator_node = node;
    ++open_;
    entry.incoming = exchange.incoming.span_id;
    if (exchange.side == Side::kClient && (!exchange.incoming.valid() || passes_header_on(entry))) {
      find_thread_parent(node, exchange.request_tid);
    }
    if (exchange.side == Side::kServer && exchange.request_tid != 0) {
      ServedByThread& serving = threads_[exchange.request_tid];
      ++serving.count;
      serving.index_sum += node;
      entry.on_thread = true;
    }
    if (wire_key(exchange, entry.wire)) {
      entry.wire_hash = entry.wire.hash();
      join_other_end(node);
    }
    if (exchange.incoming.valid() && !forest_.has_parent(node)) {
      forest_.set_outer_parent(node, exchange.incoming.trace_id, exchange.incoming.span_id);
    }
  }
  downstream_.request_started(exchange);
}

bool Correlator::passes_header_on(const Entry& call) {
  const ServedByThread* const serving = call.tid == 0 ? nullptr : threads_.find(call.tid);
  return serving != nullptr && serving->count == 1 &&
         entries_[static_cast<Index>(serving->index_sum)].incoming == call.incoming;
}

void Correlator::find_thread_parent(Index node, uint32_t tid) {
  const ServedByThread* const serving = tid == 0 ? nullptr : threads_.find(tid);
  if (serving == nullptr) return;
  if (serving->count != 1) {
    ++ambiguous_;
    return;
  }
  entries_[node].guessed = forest_.link(node, static_cast<Index>(serving->index_sum));
}

void Correlator::join_other_end(Index node) {
  const Entry& entry = entries_[node];
  Index& known = by_wire_[entry.wire_hash];  // a new slot holds 0, so nodes are stored plus one
  const Index other = known == 0 ? TraceForest::kNone : known - 1;
  if (other == TraceForest::kNone || entries_[other].wire != entry.wire ||
      entries_[other].side == entry.side) {
    known = node + 1;
    return;
  }
  const Index client = entry.side == Side::kClient ? node : other;
  const Index server = entry.side == Side::kClient ? other : node;
  const Entry& c = entries_[client];
  const Entry& s = entries_[server];
  // Positions repeat after 4 GiB: the two must also have happened at the same time.
  const bool together = c.start_ns <= s.start_ns + kSkewNs &&
                        (c.end_ns == 0 || s.start_ns <= c.end_ns + kSkewNs) &&
                        (s.end_ns == 0 || c.start_ns <= s.end_ns + kSkewNs);
  if (!together) {
    known = node + 1;
    return;
  }
  if (!forest_.has_parent(server) && !forest_.link(server, client)) ++late_;
}

void Correlator::stop_serving(Index node) {
  Entry& entry = entries_[node];
  if (!std::exchange(entry.on_thread, false)) return;
  ServedByThread* const serving = threads_.find(entry.tid);
  serving->index_sum -= node;
  if (--serving->count == 0) threads_.erase(entry.tid);
}

void Correlator::exchange_finished(model::ExchangePtr exchange) noexcept {
  ledger_.received(Stage::kCorrelate);
  clock_ns_ = std::max(clock_ns_, exchange->end_ns);
  Held& held = hold(std::move(exchange));
  const Index node = held.exchange->correlator_node;
  if (node == TraceForest::kNone) return;
  Entry& entry = entries_[node];
  entry.end_ns = held.exchange->end_ns;
  entry.handed_over = held.exchange->response_tid != 0 && held.exchange->response_tid != entry.tid;
  stop_serving(node);
  --open_;
}

Correlator::Held& Correlator::hold(model::ExchangePtr exchange) {
  if (held_count_ >= settings_.max_held) release_oldest();
  if (held_count_ == held_.size()) {
    std::rotate(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(held_head_),
                held_.end());
    held_head_ = 0;
    held_.resize(std::max<size_t>(64, held_.size() * 2));
  }
  Held& held = held_[(held_head_ + held_count_) % held_.size()];
  ++held_count_;
  held.exchange = std::move(exchange);
  held.due_ns = clock_ns_ + settings_.settle_ns;
  return held;
}

void Correlator::exchange_dropped(model::Exchange& exchange) noexcept {
  if (const Index node = exchange.correlator_node; node != TraceForest::kNone) {
    stop_serving(node);
    --open_;
    forget_wire(node);
    forest_.drop(node);
  }
  downstream_.exchange_dropped(exchange);
}

void Correlator::forget_wire(Index node) {
  const Entry& entry = entries_[node];
  if (entry.wire_hash != 0) {
    const Index* const known = by_wire_.find(entry.wire_hash);
    if (known != nullptr && *known == node + 1) by_wire_.erase(entry.wire_hash);
  }
}

void Correlator::release_oldest() {
  Held& held = held_[held_head_];
  held_head_ = (held_head_ + 1) % held_.size();
  --held_count_;
  model::Exchange& exchange = *held.exchange;
  const model::TraceContext& incoming = exchange.incoming;
  exchange.context.flags = incoming.valid() ? incoming.flags : kSampled;
  exchange.context.trace_state = incoming.trace_state;
  const Index node = exchange.correlator_node;
  if (node == TraceForest::kNone) {  // too many: a trace of its own
    exchange.context.trace_id = incoming.valid() ? incoming.trace_id : ids_.trace_id();
    exchange.context.span_id = ids_.span_id();
    exchange.parent_span_id = incoming.span_id;
  } else {
    const Index parent = forest_.parent(node);
    if (entries_[node].guessed && parent != TraceForest::kNone && entries_[parent].handed_over) {
      forest_.unlink(node);
      if (incoming.valid()) forest_.set_outer_parent(node, incoming.trace_id, incoming.span_id);
    }
    if (!forest_.trace_fixed(node)) forest_.fix_trace(node, ids_.trace_id());
    exchange.context.trace_id = forest_.trace_id(node);
    exchange.context.span_id = forest_.span_id(node);
    exchange.parent_span_id = forest_.parent_span_id(node);
    forget_wire(node);
    forest_.leave(node);
  }
  ledger_.forwarded(Stage::kCorrelate);
  downstream_.exchange_finished(std::move(held.exchange));
}

void Correlator::tick(uint64_t now_ns) noexcept {
  clock_ns_ = std::max(clock_ns_, now_ns);
  while (held_count_ > 0 && held_[held_head_].due_ns <= now_ns) release_oldest();
}

void Correlator::flush() noexcept {
  while (held_count_ > 0) release_oldest();
}

}  // namespace hostlens::processors
