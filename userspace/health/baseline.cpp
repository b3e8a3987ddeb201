// SPDX-License-Identifier: Apache-2.0
#include "health/baseline.h"

#include <algorithm>
#include <cmath>

namespace hostlens::health {
namespace {

constexpr double kFastest = 1e-6;       ///< below the clock of the probes nothing is told apart
constexpr double kMostScatter = 2;      ///< a deviation above 4 times is no normal any more
constexpr double kDeviationsAside = 3;  ///< of the mean absolute one: some 2.4 standard deviations

}  // namespace

void Baseline::learn(double seconds, bool frozen, uint64_t now_ns, uint64_t relearn_ns) {
  if (frozen && slots_ >= kSlotsNeeded) {
    if (frozen_since_ns_ == 0) frozen_since_ns_ = now_ns;
    if (now_ns - frozen_since_ns_ < relearn_ns) return;
    slots_ = 0;
    deviation_log2_ = 0;
  }
  frozen_since_ns_ = 0;
  const double log2 = std::log2(std::max(seconds, kFastest));
  slots_ = std::min(slots_ + 1, kMemorySlots);
  if (slots_ == 1) {
    mean_log2_ = log2;
    return;
  }
  const double weight = 1.0 / slots_;
  const double difference = log2 - mean_log2_;
  mean_log2_ += weight * difference;
  deviation_log2_ += weight * (std::abs(difference) - deviation_log2_);
}

std::optional<double> Baseline::normal() const {
  if (slots_ < kSlotsNeeded) return std::nullopt;
  return std::exp2(mean_log2_);
}

double Baseline::scatter() const {
  return std::exp2(std::min(kDeviationsAside * deviation_log2_, kMostScatter));
}

}  // namespace hostlens::health
