// SPDX-License-Identifier: Apache-2.0
// What cumulative series gained between two readings, over resets, expiry and new ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "model/metric.h"

namespace hostlens::health {

/// One thread; bounded: series beyond the limit gain nothing. Wall time is only compared with the
/// starts of series, so a clock that is set costs at most what came in that step.
class SeriesFollower {
 public:
  explicit SeriesFollower(size_t limit) : limit_(limit) {}

  void begin_round(uint64_t unix_ns);
  /// Since the last round; all of a series that began after it, nothing of one that is older and
  /// was not seen before.
  [[nodiscard]] double gain(std::string_view family, const model::MetricPoint& point, double total);
  /// Forgets series that were not seen in this round.
  void end_round();
  [[nodiscard]] size_t size() const { return series_.size(); }

 private:
  struct Series {
    double total = 0;
    uint64_t start_unix_ns = 0;
    uint64_t round = 0;
  };
  struct AsIs {
    size_t operator()(uint64_t hash) const { return hash; }
  };

  size_t limit_;
  uint64_t round_ = 0;
  uint64_t since_unix_ns_ = 0;  ///< the last round
  uint64_t unix_ns_ = 0;
  std::unordered_map<uint64_t, Series, AsIs> series_;
};

/// The number of a point; of a histogram its count.
[[nodiscard]] double number_of(const model::MetricPoint& point);

/// A text attribute, "" when absent.
[[nodiscard]] std::string_view text_of(const model::MetricPoint& point, std::string_view key);

}  // namespace hostlens::health
