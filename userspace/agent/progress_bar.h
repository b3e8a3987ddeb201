// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hostlens::agent {

struct Progress {
  uint64_t elapsed_ns = 0;
  std::optional<uint64_t> whole_ns;  ///< nullopt: nobody knows the end
  std::string figures;               ///< behind it, "1234 samples"
};

/// One line of at most `width` columns, ASCII, without its end: "[#####.....] 3.1 s of 10 s,
/// FIGURES".
[[nodiscard]] std::string progress_line(const Progress& progress, size_t width);

}  // namespace hostlens::agent
