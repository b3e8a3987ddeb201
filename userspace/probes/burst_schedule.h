// SPDX-License-Identifier: Apache-2.0
// When something that costs much is observed: for a part of every period, or for as long as
// somebody watches.
#pragma once

#include <cstdint>

namespace hostlens::probes {

struct BurstSettings {
  uint64_t burst_ns = 1'000'000'000;
  uint64_t period_ns = 30'000'000'000;  ///< 0, like a burst of 0: only when somebody watches
};

struct Burst {
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  /// What is seen in it stands for so many times as much: all that happened since the end of the
  /// burst before it. 1 when somebody watches.
  uint32_t times = 1;
  bool watched = false;
};

/// What is told of the schedule; called by BurstSchedule alone.
class BurstObserver {
 public:
  virtual ~BurstObserver() = default;
  /// Moves it later by as long as beginning takes. False: it cannot begin, and is tried again when
  /// the next one is due.
  virtual bool begin(Burst& burst) = 0;
  virtual void end(const Burst& burst) = 0;
};

/// One thread; CLOCK_MONOTONIC.
class BurstSchedule {
 public:
  BurstSchedule(BurstObserver& observer, BurstSettings settings, uint64_t now_ns);

  void set(BurstSettings settings, uint64_t now_ns);
  /// Ends a burst that runs, observes for so long; a watch that runs already may get longer, never
  /// shorter. At most ten minutes.
  void watch(uint64_t duration_ns, uint64_t now_ns);
  /// Does what is due.
  void tick(uint64_t now_ns);
  /// When `tick` is due next; UINT64_MAX: never.
  [[nodiscard]] uint64_t next_ns() const;

 private:
  [[nodiscard]] bool off() const { return settings_.burst_ns == 0 || settings_.period_ns == 0; }
  void begin(const Burst& burst);
  void end();
  void cut(uint64_t now_ns);

  BurstObserver& observer_;
  BurstSettings settings_;
  bool runs_ = false;
  Burst burst_;          ///< that runs
  uint64_t covered_ns_;  ///< so far, bursts stand for all time
  uint64_t next_begin_ns_ = 0;
};

}  // namespace hostlens::probes
