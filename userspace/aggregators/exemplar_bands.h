// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/metric.h"

namespace hostlens::aggregators {

/// The latest exemplar of each band of durations, so that slow requests keep theirs while fast ones
/// come by the thousand. Bands are four times wide: where Prometheus' usual buckets are finer, one
/// exemplar serves the bucket it falls into.
class ExemplarBands {
 public:
  /// `seconds` of a sampled request.
  void offer(double seconds, uint64_t unix_ns, const model::TraceContext& context) {
    const auto* const end = std::upper_bound(kBounds.begin(), kBounds.end(), seconds);
    const auto band = static_cast<size_t>(end - kBounds.begin());
    uint8_t& slot = slot_of_band_[band];
    if (slot == 0) {
      exemplars_.emplace_back();
      slot = static_cast<uint8_t>(exemplars_.size());
    }
    exemplars_[slot - 1U] = {seconds, unix_ns, context.trace_id, context.span_id};
  }

  /// Those from `since_unix_ns` on: a trace that is long gone explains nothing.
  [[nodiscard]] std::vector<model::Exemplar> since(uint64_t since_unix_ns) const {
    std::vector<model::Exemplar> result;
    for (const model::Exemplar& exemplar : exemplars_) {
      if (exemplar.unix_ns >= since_unix_ns) result.push_back(exemplar);
    }
    return result;
  }

 private:
  static constexpr std::array<double, 7> kBounds = {0.001, 0.004, 0.016, 0.064, 0.25, 1, 4};
  std::vector<model::Exemplar> exemplars_;                  ///< one per band in use
  std::array<uint8_t, kBounds.size() + 1> slot_of_band_{};  ///< plus one; 0: none yet
};

}  // namespace hostlens::aggregators
