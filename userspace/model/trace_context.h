// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace hostlens::model {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

/// Asked several times per exchange: two loads instead of a call of memcmp.
[[nodiscard]] inline bool is_zero(const SpanId& id) { return std::bit_cast<uint64_t>(id) == 0; }
[[nodiscard]] inline bool is_zero(const TraceId& id) {
  const auto halves = std::bit_cast<std::array<uint64_t, 2>>(id);
  return (halves[0] | halves[1]) == 0;
}

/// W3C Trace Context, level 1. All zero means "none".
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  uint8_t flags = 0;
  std::string trace_state;  ///< as received, at most 512 bytes

  [[nodiscard]] bool valid() const { return !is_zero(trace_id) && !is_zero(span_id); }
  bool operator==(const TraceContext&) const = default;
};

/// Lower-case hex.
[[nodiscard]] std::string to_hex(const TraceId& id);
[[nodiscard]] std::string to_hex(const SpanId& id);

}  // namespace hostlens::model
