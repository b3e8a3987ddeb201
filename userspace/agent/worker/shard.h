// SPDX-License-Identifier: Apache-2.0
// One shard of the pipeline: both rings -> decoders -> connection tracker -> correlator -> sink.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "agent/configuration.h"
#include "agent/worker/scrape_targets.h"
#include "agent/worker/unit_watch.h"
#include "base/ledger.h"
#include "base/result.h"
#include "discovery/process_table.h"
#include "discovery/target_selector.h"
#include "kernel/record_ring.h"
#include "probes/socket_counters.h"
#include "processors/connection_tracker.h"
#include "processors/correlator.h"
#include "processors/sinks.h"

namespace hostlens::agent {

struct ShardParts {
  std::unique_ptr<kernel::RecordRing> control;
  std::unique_ptr<kernel::RecordRing> data;
  std::optional<probes::SocketCounterReader> counters;  ///< none in tests
  std::unique_ptr<discovery::ProcessTable> processes;
  /// null: the targets are set once and for all by somebody else (`run`).
  std::unique_ptr<discovery::TargetSelector> targets;
};

/// What the shard leaves finished values to; must outlive it. Called on the shard's thread.
struct ShardSinks {
  processors::ExchangeSink& exchanges;
  processors::ConnectionSink& connections;
};

/// Owns its connections, so there are no locks. One thread, which also calls `HostAccess`.
class Shard {
 public:
  /// kInvalid when a route pattern is none.
  [[nodiscard]] static base::Result<std::unique_ptr<Shard>> create(
      const Configuration& configuration, ShardParts parts, base::Ledger ledger, ShardSinks sinks);

  /// Takes what waits in the rings now; returns how many records that were.
  size_t drain() noexcept;
  /// Time-outs and discovery; call at least every 200 ms.
  void tick(uint64_t now_ns) noexcept;
  /// Once per second and before scrape_targets(): reads targets that no request has named yet, at
  /// most 200, some 50 us each.
  void describe_targets() noexcept;
  /// Whose processes and cgroups to scrape, as far as they are described.
  [[nodiscard]] ScrapeTargets scrape_targets() const {
    return agent::scrape_targets(*parts_.processes, parts_.targets.get());
  }
  /// Whose states to ask systemd for.
  [[nodiscard]] std::vector<UnitOwner> unit_owners(const discovery::UnitReading* last) {
    return agent::unit_owners(*parts_.processes, parts_.targets.get(), last);
  }
  [[nodiscard]] bool wants_containers() const { return parts_.processes->wants_containers(); }
  void set_containers(std::shared_ptr<const model::Containers> containers) {
    parts_.processes->set_containers(std::move(containers));
  }
  /// Reads the kernel's books into the ledger; just before anybody looks at them.
  void refresh_kernel_books() noexcept;
  /// After a last drain: everything open ends, everything finished leaves.
  void stop() noexcept;
  /// Takes over what may change while it runs. Nothing changes on error.
  [[nodiscard]] base::Result<void> reload(const Configuration& configuration);

  [[nodiscard]] const kernel::RecordRing& control_ring() const { return *parts_.control; }
  [[nodiscard]] const kernel::RecordRing& data_ring() const { return *parts_.data; }
  [[nodiscard]] discovery::TargetSelector* targets() const { return parts_.targets.get(); }
  [[nodiscard]] const discovery::ProcessTable& processes() const { return *parts_.processes; }
  [[nodiscard]] const processors::ConnectionTracker& tracker() const { return tracker_; }
  [[nodiscard]] const processors::Correlator& correlator() const { return correlator_; }
  [[nodiscard]] const probes::SocketCounters& counters() const { return counted_; }
  [[nodiscard]] uint64_t records_total() const { return records_; }
  /// Control records that were not understood: lost like those that found no room.
  [[nodiscard]] uint64_t control_malformed_total() const { return control_malformed_; }

 private:
  /// Bounds the ends of connections and processes that wait for data of an earlier time.
  static constexpr size_t kMostWaiting = 65536;
  static constexpr size_t kMostDescribed = 200;

  Shard(const Configuration& configuration, processors::RouteTemplater routes, ShardParts parts,
        base::Ledger ledger, ShardSinks sinks);
  size_t read_control() noexcept;
  void apply_begin(const model::ControlEvent& event) noexcept;
  void apply_ends_until(uint64_t time_ns) noexcept;
  void apply_first_end() noexcept;
  void on_data_bytes(base::Bytes bytes) noexcept;

  ShardParts parts_;
  base::Ledger ledger_;
  model::ExchangePool pool_;  ///< before those that hold its exchanges
  processors::Correlator correlator_;
  processors::ConnectionTracker tracker_;
  std::deque<model::ControlEvent> ends_;  ///< SocketClosed and ProcessExit, by time
  uint64_t horizon_ns_ = 0;               ///< data of ends until then has been read
  bool skip_first_ = false;               ///< the record that ended our predecessor
  bool books_are_old_ = true;
  probes::SocketCounters counted_;
  uint64_t records_ = 0;
  uint64_t control_malformed_ = 0;
};

}  // namespace hostlens::agent
