// SPDX-License-Identifier: Apache-2.0
#include "agent/octave_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "model/histogram_math.h"

namespace hostlens::agent {
namespace {

constexpr int64_t kFirstExponent = -20;  ///< the first octave ends at 2^-20 s
constexpr size_t kOctaves = 28;

using Heights = std::array<double, kOctaves>;

Heights octaves_of(const model::ExponentialHistogram& times) {
  Heights heights{};
  heights[0] = static_cast<double>(times.zero_count);
  const model::ExponentialHistogram whole = times.scale > 0 ? model::downscaled(times, 0) : times;
  const int64_t octaves_each = int64_t{1} << std::min(-whole.scale, 20);
  for (size_t i = 0; i < whole.counts.size(); ++i) {
    const int64_t end = (int64_t{whole.offset} + static_cast<int64_t>(i) + 1) * octaves_each;
    const int64_t octave = std::clamp<int64_t>(end - kFirstExponent, 0, kOctaves - 1);
    heights[static_cast<size_t>(octave)] += static_cast<double>(whole.counts[i]);
  }
  return heights;
}

}  // namespace

std::string chart_axis(const ChartStyle& style) {
  struct Mark {
    size_t octave;
    std::string_view text;
  };
  constexpr Mark kMarks[] = {{0, "1us"}, {10, "1ms"}, {20, "1s"}, {26, "64s"}};
  std::string axis(chart_width(style), ' ');
  for (const Mark& mark : kMarks) {
    const size_t end = (mark.octave + 1) * style.octave_columns;
    const size_t begin = end > mark.text.size() ? end - mark.text.size() : 0;
    axis.replace(begin, mark.text.size(), mark.text);
  }
  return axis;
}

std::string chart_bars(const model::ExponentialHistogram& times, const ChartStyle& style) {
  constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 9> kAscii = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
  const auto& marks = style.blocks ? kBlocks : kAscii;
  const Heights heights = octaves_of(times);
  const double most = *std::max_element(heights.begin(), heights.end());
  std::string bars;
  for (const double height : heights) {
    size_t eighths = 0;
    if (height > 0) {
      eighths = static_cast<size_t>(std::clamp(std::round(8 * height / most), 1.0, 8.0));
    }
    for (size_t i = 0; i < style.octave_columns; ++i) bars += marks[eighths];
  }
  return bars;
}

double upper_bound(const model::ExponentialHistogram& times) {
  for (size_t i = times.counts.size(); i-- > 0;) {
    if (times.counts[i] == 0) continue;
    return std::exp2((static_cast<double>(times.offset) + static_cast<double>(i) + 1) *
                     std::exp2(-times.scale));
  }
  return times.zero_count > 0 ? times.zero_threshold : 0;
}

}  // namespace hostlens::agent
