// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aggregators/connection_key.h"
#include "aggregators/family_list.h"
#include "aggregators/histogram_recorder.h"
#include "aggregators/series_table.h"
#include "processors/flat_map.h"
#include "processors/sinks.h"

namespace hostlens::aggregators {

/// hostlens.connection.{opened, active, failed, io} of TCP and AF_UNIX, and what only TCP has:
/// hostlens.tcp.{connect.duration, retransmits, resets, rtt}; each by service and peer. Shard
/// thread only.
class ConnectionMetrics {
 public:
  explicit ConnectionMetrics(size_t limit);

  using ServicePointer = std::shared_ptr<const model::Service>;
  void opened(const processors::ConnectionFacts& facts, const ServicePointer& service,
              uint64_t connect_latency_ns);
  void progress(const processors::ConnectionFacts& facts, const ServicePointer& service,
                const processors::ConnectionDelta& delta);
  void closed(const processors::ConnectionFacts& facts, const ServicePointer& service,
              model::CloseReason reason);
  void connect_failed(const ServicePointer& service, const model::ConnectFailed& failure);

  void set_limit(size_t limit);
  void expire(uint64_t now_ns, uint64_t idle_ns);
  void add_families(FamilyList& list, std::vector<FamilyLoad>& loads) const;

 private:
  struct PeerValues {
    bool tcp = true;  ///< of the overflow series too
    uint64_t opened = 0;
    int64_t active = 0;
    uint64_t bytes_sent = 0;
    uint64_t bytes_received = 0;
    uint64_t retransmits = 0;
    HistogramRecorder rtt{HistogramRecorder::kFewBuckets};
    [[nodiscard]] bool busy() const { return active != 0; }
  };
  struct ConnectValues {
    uint64_t failed = 0;
    HistogramRecorder duration{HistogramRecorder::kFewBuckets};
    [[nodiscard]] bool busy() const { return false; }
  };
  struct ResetValues {
    uint64_t count = 0;
    [[nodiscard]] bool busy() const { return false; }
  };
  using ResetTable = SeriesTable<ResetValues, ConnectionKey>;
  using PeerTable = SeriesTable<PeerValues, ConnectionKey>;
  using ConnectTable = SeriesTable<ConnectValues, ConnectionKey>;

  PeerTable::Series& series_of(const processors::ConnectionFacts& facts,
                               const ServicePointer& service);
  ConnectValues& connect_of(const ConnectionKey& key, const ServicePointer& service);
  void add_connects(FamilyList& list, std::vector<FamilyLoad>& loads) const;
  void add_tcp_families(FamilyList& list, std::vector<FamilyLoad>& loads) const;
  void add_io(FamilyList& list) const;

  PeerTable peers_;
  ConnectTable connects_;  ///< measured connects and failed ones
  ResetTable resets_;
  /// Where each open connection is counted as active. As many as the tracker follows.
  processors::FlatMap<PeerTable::Series*> open_;
};

}  // namespace hostlens::aggregators
