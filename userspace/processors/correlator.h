// SPDX-License-Identifier: Apache-2.0
// Gives every exchange its trace: by traceparent, by thread, and by both ends of a connection.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ledger.h"
#include "model/exchange.h"
#include "processors/flat_map.h"
#include "processors/sinks.h"
#include "processors/trace_forest.h"
#include "processors/trace_id_source.h"

namespace hostlens::processors {

struct CorrelatorSettings {
  /// Finished exchanges wait so long for their other end: both ends' records share a ring that is
  /// read ten times a second, and it is not ordered between CPUs: one more reading brings what was
  /// late.
  uint64_t settle_ns = 100'000'000;
  size_t max_held = 16384;     ///< finished ones that wait; more leave early, none is dropped
  size_t max_tracked = 65536;  ///< begun and waiting ones; more get a trace of their own
  TraceIdSource::Seed seed = TraceIdSource::random_seed();
};

/// Unfinished server requests that a thread has read.
struct ServedByThread {
  uint32_t count = 0;
  uint64_t index_sum = 0;  ///< of their nodes: with one left, the sum is that node
};

/// Parents, strongest first:
///   1. a client exchange begun by the thread that read exactly one unfinished server request: its
///      child, unless it carries a traceparent of its own. Several such requests: left out and
///      counted. Once the server's response turns out to come from another thread, the request was
///      handed over and the guess is taken back;
///   2. a server exchange whose client end is on this host: child of the client's exchange;
///   3. traceparent in the request, on either side: that trace, child of that span. A proxy that
///   only
///      passes the header on falls under 1, and the server behind it under 2, so that a trace keeps
///      the shape of the calls.
/// Shard thread only. Books of kCorrelate: one per finished exchange.
class Correlator final : public ExchangeSink {
 public:
  Correlator(CorrelatorSettings settings, base::Ledger ledger, ExchangeSink& downstream);

  void request_started(model::Exchange& exchange) noexcept override;
  void exchange_finished(model::ExchangePtr exchange) noexcept override;
  void exchange_dropped(model::Exchange& exchange) noexcept override;

  /// Lets go what has settled. Call at least every 200 ms.
  void tick(uint64_t now_ns) noexcept;
  /// Lets everything go that is finished (stop of the worker).
  void flush() noexcept;

  /// Client calls whose parent was left out because several requests were possible.
  [[nodiscard]] uint64_t ambiguous_total() const { return ambiguous_; }
  /// Other ends that came after their partner had left with another trace.
  [[nodiscard]] uint64_t late_total() const { return late_; }
  [[nodiscard]] size_t held() const { return held_count_; }
  [[nodiscard]] size_t tracked() const { return open_; }

 private:
  using Index = TraceForest::Index;

  /// The name of a request that both ends of its connection know.
  struct WireKey {
    model::SocketAddress client;
    model::SocketAddress server;
    uint64_t client_identity = 0;  ///< AF_UNIX
    uint64_t server_identity = 0;
    uint32_t network_namespace = 0;  ///< only for loopback addresses, which each namespace has
    uint32_t position = 0;
    bool operator==(const WireKey&) const = default;
    [[nodiscard]] uint64_t hash() const;
  };
  /// What is kept beside a forest node, by the same index.
  struct Entry {
    WireKey wire;
    uint64_t wire_hash = 0;  ///< 0: cannot be joined
    uint64_t start_ns = 0;
    uint64_t end_ns = 0;  ///< 0: not finished
    uint32_t tid = 0;
    model::SpanId incoming{};  ///< parent by traceparent, zero without
    model::Side side = model::Side::kServer;
    bool on_thread = false;    ///< counted in threads_
    bool guessed = false;      ///< its parent was found by thread
    bool handed_over = false;  ///< server: answered by another thread
  };
  struct Held {
    model::ExchangePtr exchange;
    uint64_t due_ns = 0;
  };

  static bool wire_key(const model::Exchange& exchange, WireKey& key);
  [[nodiscard]] bool passes_header_on(const Entry& call);
  void find_thread_parent(Index node, uint32_t tid);
  void join_other_end(Index node);
  void stop_serving(Index node);
  Held& hold(model::ExchangePtr exchange);
  void release_oldest();
  void forget_wire(Index node);

  CorrelatorSettings settings_;
  base::Ledger ledger_;
  ExchangeSink& downstream_;
  TraceIdSource ids_;
  TraceForest forest_;
  std::vector<Entry> entries_;
  FlatMap<Index> by_wire_;
  FlatMap<ServedByThread> threads_;
  /// Ring of finished exchanges, oldest at held_head_; grows to max_held slots at most.
  std::vector<Held> held_;
  size_t open_ = 0;  ///< unfinished exchanges that have a node
  size_t held_head_ = 0;
  size_t held_count_ = 0;
  uint64_t clock_ns_ = 0;  ///< the latest time seen
  uint64_t ambiguous_ = 0;
  uint64_t late_ = 0;
};

}  // namespace hostlens::processors
