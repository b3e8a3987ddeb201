// SPDX-License-Identifier: Apache-2.0
// From figures to a state that does not flap.
#pragma once

#include <cstdint>
#include <optional>

#include "health/settings.h"
#include "health/signal.h"

namespace hostlens::health {

struct GateTiming {
  uint64_t hold_ns = 0;      ///< beyond the threshold, before a state gets worse
  uint64_t recovery_ns = 0;  ///< back, before it gets better
};

/// By the thresholds alone.
[[nodiscard]] State judge(double value, const Levels& levels);
/// The thresholds for the way back: a tenth on the good side.
[[nodiscard]] Levels clearing(const Levels& levels);
/// That was crossed in `state`, or would be first.
[[nodiscard]] double threshold_of(State state, const Levels& levels);

/// One value's state over time; times are CLOCK_MONOTONIC. The first value, and the first after
/// none, is believed at once: there is no state to protect. No value is unknown at once.
class Gate {
 public:
  void update(std::optional<double> value, const Levels& levels, const GateTiming& timing,
              uint64_t now_ns);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] uint64_t since_ns() const { return since_ns_; }

 private:
  enum class Way : uint8_t { kNone, kWorse, kBetter };
  void change(State state, uint64_t now_ns);

  State state_ = State::kUnknown;
  uint64_t since_ns_ = 0;
  Way way_ = Way::kNone;
  State pending_ = State::kUnknown;  ///< the mildest while it gets worse, the worst on the way back
  uint64_t pending_ns_ = 0;
};

}  // namespace hostlens::health
