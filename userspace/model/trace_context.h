// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace hostlens::model {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

/// W3C Trace Context, level 1. All zero means "none".
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  uint8_t flags = 0;
  std::string trace_state;  ///< as received, at most 512 bytes

  [[nodiscard]] bool valid() const { return trace_id != TraceId{} && span_id != SpanId{}; }
  bool operator==(const TraceContext&) const = default;
};

/// Lower-case hex.
[[nodiscard]] std::string to_hex(const TraceId& id);
[[nodiscard]] std::string to_hex(const SpanId& id);

}  // namespace hostlens::model
