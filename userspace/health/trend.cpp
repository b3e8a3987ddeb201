// SPDX-License-Identifier: Apache-2.0
#include "health/trend.h"

#include <algorithm>

namespace hostlens::health {

void Trend::add(double value, uint64_t now_ns) {
  if (count_ > 0 && now_ns - last_ns_ < kSpacingNs) return;
  // A gap (a suspended host, a mount that was away) makes what was before another story.
  if (count_ > 0 && now_ns - last_ns_ > 5 * kSpacingNs) count_ = 0;
  last_ns_ = now_ns;
  points_[next_] = {static_cast<double>(now_ns) / 1e9, value};
  next_ = (next_ + 1) % kPoints;
  count_ = std::min(count_ + 1, kPoints);
}

std::optional<double> Trend::seconds_until(double free) const {
  if (count_ < kPointsNeeded) return std::nullopt;
  const auto at = [&](size_t i) { return points_[(next_ + kPoints - 1 - i) % kPoints]; };
  const auto n = static_cast<double>(count_);
  double mean_x = 0;
  double mean_y = 0;
  for (size_t i = 0; i < count_; ++i) {
    mean_x += at(i).seconds / n;
    mean_y += at(i).value / n;
  }
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (size_t i = 0; i < count_; ++i) {
    const double x = at(i).seconds - mean_x;
    const double y = at(i).value - mean_y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  if (xx <= 0 || yy <= 0 || xy <= 0) return std::nullopt;
  if (xy * xy / (xx * yy) < kLeastFit) return std::nullopt;
  return std::max(free, 0.0) / (xy / xx);
}

}  // namespace hostlens::health
