// SPDX-License-Identifier: Apache-2.0
// A distribution of times in one line of text: a column for each octave from 1 us to 64 s.
#pragma once

#include <cstddef>
#include <string>

#include "model/metric.h"

namespace hostlens::agent {

struct ChartStyle {
  size_t octave_columns = 1;  ///< how wide an octave is
  bool blocks = true;         ///< the terminal knows Unicode's block elements; else ASCII
};

/// Columns of both lines: up to 1 us, 26 octaves, and what is above 64 s.
[[nodiscard]] constexpr size_t chart_width(const ChartStyle& style) {
  return 28 * style.octave_columns;
}

/// "1us ... 1ms ... 1s ... 64s"; each below the octave that ends there. (As powers of two: 0.95 us,
/// 0.98 ms.)
[[nodiscard]] std::string chart_axis(const ChartStyle& style);

/// Heights are shares of the fullest octave; whatever counts anything is seen. Times are in
/// seconds; octaves finer than those are joined, a coarser bucket stands where it ends.
[[nodiscard]] std::string chart_bars(const model::ExponentialHistogram& times,
                                     const ChartStyle& style);

/// What no value was above, as the last bucket ends; 0 when there is no value.
[[nodiscard]] double upper_bound(const model::ExponentialHistogram& times);

}  // namespace hostlens::agent
