// SPDX-License-Identifier: Apache-2.0
// What the kernel's programs counted between two readings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hostlens::model {

/// Counted in octaves, over all CPUs. Slot 0: up to 2^-20 s, or one byte; slot i: up to twice as
/// much as slot i - 1; the last one: everything above (2^10 s, 2^30 bytes).
struct SignalDistribution {
  static constexpr size_t kSlots = 32;
  /// Slot 0 of times ends at 2^-20 s.
  static constexpr int32_t kTimeExponent = -20;

  uint64_t sum = 0;  ///< nanoseconds, or bytes
  std::array<uint64_t, kSlots> slots{};
};

}  // namespace hostlens::model
