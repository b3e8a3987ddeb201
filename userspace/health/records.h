// SPDX-License-Identifier: Apache-2.0
// What the engine remembers of each service and of the host. Plain values, bounded by construction.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "health/baseline.h"
#include "health/coarse_histogram.h"
#include "health/gate.h"
#include "health/inputs.h"
#include "health/signal_id.h"
#include "health/trend.h"
#include "health/window.h"

namespace hostlens::health {

using RatioWindow = Window<Counts, 24>;
constexpr uint64_t kSlotNs = 5'000'000'000;  ///< of a RatioWindow over a minute

/// A figure that is read now and then.
struct Gauge {
  double value = 0;
  uint64_t at_ns = 0;  ///< when it was read last, 0: never
  void set(double number, uint64_t now_ns) {
    value = number;
    at_ns = now_ns;
  }
  [[nodiscard]] bool told() const { return at_ns != 0; }
  /// nullopt when it was not read for too long.
  [[nodiscard]] std::optional<double> fresh(uint64_t now_ns, uint64_t stale_ns) const {
    if (at_ns == 0 || now_ns - at_ns > stale_ns) return std::nullopt;
    return value;
  }
};

/// Durations of the last minute and what is normal for them.
struct LatencyMemory {
  explicit LatencyMemory(uint64_t window_ns) : slot_ns(window_ns / 3), recent(slot_ns) {}

  uint64_t slot_ns;
  Window<CoarseHistogram, 7> recent;
  Baseline baseline;
  bool bad = false;  ///< as judged last: then nothing is learnt

  CoarseHistogram total;  ///< as of the last reading
  bool has_total = false;
  CoarseHistogram slot;  ///< that is being filled
  uint64_t slot_number = 0;
};

struct Traffic {
  explicit Traffic(uint64_t window_ns) : counts(window_ns / 6), latency(window_ns) {}
  RatioWindow counts;  ///< requests, and failed ones
  LatencyMemory latency;
};

/// A server that a service calls.
struct Dependency {
  explicit Dependency(uint64_t window_ns) : requests(window_ns), connects(window_ns / 6) {}
  Traffic requests;
  RatioWindow connects;  ///< attempts, and failed ones
  uint64_t active_ns = 0;
};

/// Whether a service has processes, and since when.
struct Presence {
  uint64_t alive = 0;         ///< processes that are no zombies, in the last reading
  uint64_t first_ns = 0;      ///< seen for the first time, 0: never
  uint64_t newest_start = 0;  ///< ticks, of the youngest process seen
  uint64_t alive_ns = 0;      ///< when one was seen last
  bool is_service = false;    ///< lived or served: worth telling when it is gone
  bool stopped = false;       ///< its unit was stopped on purpose
};

struct OpenFiles {
  Gauge share;  ///< of the process that is nearest to its limit
  uint64_t open = 0, limit = 0;
  uint32_t pid = 0;
};

struct Listener {
  Gauge share;
  double backlog = 0, max = 0;
  uint64_t drops = 0;
};

struct OomMemory {
  explicit OomMemory(uint64_t window_ns) : kills(window_ns / 20) {}

  RatioWindow kills;  ///< as cgroups tell, and as probes do
  bool told = false;
  std::string last;  ///< the one told last, in words; "" when none was
};

/// The state of one signal of one subject.
struct Entry {
  Gate gate;
  std::optional<double> value;
  Levels levels;
  std::string text;
  uint64_t round = 0;  ///< in which it was judged last
};

/// Signals of one service or of the host.
struct Board {
  std::map<std::pair<SignalId, std::string>, Entry> entries;  ///< second: the subject
  struct Summary {
    State state = State::kUnknown;
    uint64_t since_ns = 0;
  };
  std::map<std::pair<SignalId, std::string>, Summary> summaries;
};

struct ServiceRecord {
  ServiceRecord(std::shared_ptr<const model::Service> of, const HealthSettings& settings)
      : service(std::move(of)),
        server(settings.window_ns),
        restarts(settings.restarts_window_ns / 20),
        unit_restarts(settings.restarts_window_ns / 20),
        oom(settings.oom_window_ns) {}

  std::shared_ptr<const model::Service> service;
  uint64_t active_ns = 0;
  Presence presence;
  Traffic server;
  std::map<std::string, Dependency, std::less<>> dependencies;
  RatioWindow restarts, unit_restarts;
  OomMemory oom;
  RatioWindow throttling{kSlotNs};
  LatencyMemory runqueue{60'000'000'000};
  RatioWindow overflows{kSlotNs};
  bool overflows_told = false;
  OpenFiles open_files;
  Gauge memory_used, memory_limit;
  Gauge threads, threads_limit, user_threads_share;
  std::map<uint16_t, Listener> listeners;
  Board board;
};

struct FileSystem {
  Gauge used, free, used_inodes, free_inodes;
  bool stuck = false;
  uint64_t seen_ns = 0;
  Trend space, inodes;
};

struct HostRecord {
  explicit HostRecord(const HealthSettings& settings) : oom(settings.oom_window_ns) {}

  std::map<std::string, FileSystem, std::less<>> file_systems;
  RatioWindow memory_stalls{kSlotNs};
  Gauge memory_available, memory_limit;
  OomMemory oom;
  Gauge clock_synchronized, clock_offset;
  bool clock_was_synchronized = false;
  Gauge conntrack_entries, conntrack_limit;
  RatioWindow overflows{kSlotNs};
  bool overflows_told = false;
  std::map<std::string, RatioWindow, std::less<>> stages;  ///< records, and lost ones
  RatioWindow control_lost{kSlotNs};
  std::shared_ptr<const std::vector<model::UnitState>> units;
  std::map<std::string, RatioWindow, std::less<>> unit_restarts;  ///< of units without a service
  std::vector<model::CheckStatus> checks;
  uint64_t processes_ns = 0;  ///< when they were read last, 0: never
  Board board;
};

}  // namespace hostlens::health
