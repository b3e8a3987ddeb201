// SPDX-License-Identifier: Apache-2.0
// When something will be full, if it goes on like this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace hostlens::health {

/// A line through the last hour by least squares, one point a minute. Nothing is said before ten
/// minutes, when the points are far from the line, or when the way is not up: a log that is rotated
/// is no trend.
class Trend {
 public:
  void add(double value, uint64_t now_ns);
  /// Seconds until `free` more are used up.
  [[nodiscard]] std::optional<double> seconds_until(double free) const;

 private:
  static constexpr size_t kPoints = 60;
  static constexpr uint64_t kSpacingNs = 60'000'000'000;
  static constexpr size_t kPointsNeeded = 11;
  static constexpr double kLeastFit = 0.9;  ///< of r squared

  struct Point {
    double seconds = 0;
    double value = 0;
  };
  std::array<Point, kPoints> points_{};
  size_t count_ = 0;
  size_t next_ = 0;
  uint64_t last_ns_ = 0;
};

}  // namespace hostlens::health
