// SPDX-License-Identifier: Apache-2.0
// An agent's answer about health as a table for people and a status for scripts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hostlens::agent {

struct HealthRow {
  std::string state, service, signal, since, text;
};

struct HealthAnswer {
  std::vector<HealthRow> rows;  ///< worst first
  struct Missing {
    std::string signal, reason;
  };
  std::vector<Missing> unavailable;
  std::string json;  ///< the same, for scripts
};

/// Out of /api/v1/health; of one service when `service` is given. kInvalid: that is no such answer.
[[nodiscard]] base::Result<HealthAnswer> health_answer(std::string_view text,
                                                       const std::optional<std::string>& service);

/// As plugins of Nagios say it: 0 ok, 1 degraded, 2 failing, 3 unknown, or there is no signal.
[[nodiscard]] int health_status(const HealthAnswer& answer);

/// "2 failing, 1 degraded, 40 ok": how many signals are in each state.
[[nodiscard]] std::string health_summary(const HealthAnswer& answer);

struct HealthStyle {
  size_t width = 80;
  size_t most_rows = 1000;
  bool colour = false;
};

/// Lines with line ends, one signal each; what is bad is told in whole, on more lines if need be.
/// Texts of strangers are made harmless for a terminal.
[[nodiscard]] std::string render(const HealthAnswer& answer, const HealthStyle& style,
                                 uint64_t now_unix_ns);

}  // namespace hostlens::agent
