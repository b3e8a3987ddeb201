// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "model/trace_context.h"

namespace hostlens::processors {

/// Random ids by xoshiro256** (Blackman and Vigna): ids must be unlikely to repeat, not secret. Not
/// thread-safe.
class TraceIdSource {
 public:
  using Seed = std::array<uint64_t, 4>;

  explicit TraceIdSource(const Seed& seed) : state_(seed) {
    if (state_ == Seed{}) state_[0] = 1;  // the one state that the generator cannot leave
  }
  /// From the kernel's random numbers.
  [[nodiscard]] static Seed random_seed();

  [[nodiscard]] model::TraceId trace_id();
  [[nodiscard]] model::SpanId span_id();

 private:
  uint64_t next();

  Seed state_;
};

}  // namespace hostlens::processors
