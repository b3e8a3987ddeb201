// SPDX-License-Identifier: Apache-2.0
// The last spans, in memory, for /api/v1/traces.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "model/span.h"

namespace hostlens::web {

struct RecentTrace {
  model::TraceId trace_id{};
  std::vector<model::Span> spans;  ///< by start time
};

/// Bounded in spans. Under load only some traces are kept, chosen by their id, so that those kept
/// are whole: `wants` says which, for free, before a span is built. `wants` and `add` on one
/// thread, `traces` on any.
class RecentSpans {
 public:
  /// `capacity` 0 keeps none. At most `per_second` spans are taken in.
  RecentSpans(size_t capacity, uint32_t per_second)
      : capacity_(capacity), per_second_(per_second) {}

  [[nodiscard]] bool wants(const model::TraceId& trace) const {
    // A burst is cut off until tick lowers the share.
    return capacity_ != 0 && taken_ < 2 * per_second_ && sample_of(trace) <= threshold_;
  }
  /// One that `wants` wanted.
  void add(model::Span span);
  /// Once per second: adapts the share of traces to the load.
  void tick();

  /// The newest traces first, at most `limit`.
  [[nodiscard]] std::vector<RecentTrace> traces(size_t limit) const;
  [[nodiscard]] size_t size() const;

 private:
  /// The trace id's last bytes are random (W3C Trace Context level 2, random flag; ours always
  /// are).
  static uint32_t sample_of(const model::TraceId& trace) {
    return static_cast<uint32_t>(trace[12]) << 24U | static_cast<uint32_t>(trace[13]) << 16U |
           static_cast<uint32_t>(trace[14]) << 8U | trace[15];
  }

  const size_t capacity_;
  const uint32_t per_second_;
  uint32_t threshold_ = UINT32_MAX;
  uint32_t taken_ = 0;  ///< since the last tick
  mutable std::mutex mutex_;
  std::deque<model::Span> spans_;  ///< oldest first; under mutex_
};

}  // namespace hostlens::web
