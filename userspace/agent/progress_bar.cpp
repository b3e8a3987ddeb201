// SPDX-License-Identifier: Apache-2.0
#include "agent/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>

namespace hostlens::agent {
namespace {

constexpr size_t kMostCells = 40;

double seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

std::string progress_line(const Progress& progress, size_t width) {
  std::string text = progress.whole_ns
                         ? fmt::format("{:.1f} s of {:.1f} s", seconds(progress.elapsed_ns),
                                       seconds(*progress.whole_ns))
                         : fmt::format("{:.1f} s", seconds(progress.elapsed_ns));
  if (!progress.figures.empty()) text += ", " + progress.figures;
  // "[] " around the cells.
  const size_t cells = width > text.size() + 3 ? std::min(kMostCells, width - text.size() - 3) : 0;
  if (progress.whole_ns && cells > 0) {
    const double share = *progress.whole_ns == 0 ? 1
                                                 : static_cast<double>(progress.elapsed_ns) /
                                                       static_cast<double>(*progress.whole_ns);
    const auto filled =
        static_cast<size_t>(static_cast<double>(cells) * std::clamp(share, 0.0, 1.0));
    text = "[" + std::string(filled, '#') + std::string(cells - filled, '.') + "] " + text;
  }
  return text.substr(0, width);
}

}  // namespace hostlens::agent
