// SPDX-License-Identifier: Apache-2.0
// What the engine says: one signal per service or host, its state and why.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.h"

namespace hostlens::health {

enum class State : uint8_t { kOk, kDegraded, kFailing, kUnknown };
[[nodiscard]] std::string_view to_string(State state);
/// As hostlens.health.state has it: 0, 1, 2, -1.
[[nodiscard]] int64_t number_of(State state);
/// ok < unknown < degraded < failing: what is missing is worse than what is well.
[[nodiscard]] int badness(State state);

struct Evidence {
  std::optional<double> value;      ///< what was judged; its unit is in the text
  std::optional<double> threshold;  ///< that was crossed, or that would be first
  std::string text;
};

struct Signal {
  std::string name;
  std::shared_ptr<const model::Service> service;  ///< nullptr: the host
  State state = State::kUnknown;
  uint64_t since_unix_ns = 0;
  Evidence evidence;
};

/// A signal of the host that cannot be had here; it is not part of any state.
struct Unavailable {
  std::string_view signal;
  std::string_view reason;
};

/// Immutable, shared between threads.
struct HealthReport {
  uint64_t unix_ns = 0;
  std::vector<Signal> signals;  ///< worst first
  std::vector<Unavailable> unavailable;
};

}  // namespace hostlens::health
