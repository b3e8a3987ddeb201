// SPDX-License-Identifier: Apache-2.0
#include "health/gate.h"

#include <algorithm>

namespace hostlens::health {
namespace {

constexpr double kMargin = 0.1;

bool low_is_bad(const Levels& levels) { return levels.failing < levels.degraded; }

}  // namespace

State judge(double value, const Levels& levels) {
  const bool low = low_is_bad(levels);
  const auto beyond = [&](double threshold) {
    return low ? value <= threshold : value >= threshold;
  };
  if (beyond(levels.failing)) return State::kFailing;
  return beyond(levels.degraded) ? State::kDegraded : State::kOk;
}

Levels clearing(const Levels& levels) {
  const double factor = low_is_bad(levels) ? 1 + kMargin : 1 - kMargin;
  return {levels.degraded * factor, levels.failing * factor};
}

double threshold_of(State state, const Levels& levels) {
  return state == State::kFailing ? levels.failing : levels.degraded;
}

void Gate::change(State state, uint64_t now_ns) {
  way_ = Way::kNone;
  if (state == state_ && since_ns_ != 0) return;
  state_ = state;
  since_ns_ = now_ns;
}

void Gate::update(std::optional<double> value, const Levels& levels, const GateTiming& timing,
                  uint64_t now_ns) {
  if (!value) return change(State::kUnknown, now_ns);
  const State entered = judge(*value, levels);
  if (state_ == State::kUnknown) return change(entered, now_ns);
  const State left = judge(*value, clearing(levels));
  Way way = Way::kNone;
  if (badness(entered) > badness(state_)) way = Way::kWorse;
  if (badness(left) < badness(state_)) way = Way::kBetter;
  if (way == Way::kNone) {
    way_ = way;
    return;
  }
  const State wanted = way == Way::kWorse ? entered : left;
  const auto less = [](State a, State b) { return badness(a) < badness(b); };
  if (way != way_) {
    way_ = way;
    pending_ = wanted;
    pending_ns_ = now_ns;
  } else {
    pending_ =
        way == Way::kWorse ? std::min(pending_, wanted, less) : std::max(pending_, wanted, less);
  }
  const uint64_t needed = way == Way::kWorse ? timing.hold_ns : timing.recovery_ns;
  if (now_ns - pending_ns_ >= needed) change(pending_, now_ns);
}

}  // namespace hostlens::health
