// SPDX-License-Identifier: Apache-2.0
#include "protocols/trace_headers.h"

#include <cstddef>
#include <cstdint>

namespace hostlens::protocols {
namespace {

constexpr size_t kTraceIdAt = 3;
constexpr size_t kSpanIdAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kLength = 55;
constexpr size_t kTracestateLimit = 512;

/// Lower-case only, as the specification's HEXDIGLC; -1 otherwise.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool read_hex(std::string_view text, uint8_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace

std::optional<model::TraceContext> parse_traceparent(std::string_view value) {
  if (value.size() < kLength) return std::nullopt;
  if (value[2] != '-' || value[kSpanIdAt - 1] != '-' || value[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  uint8_t version = 0;
  model::TraceContext context;
  if (!read_hex(value, &version, 1) || version == 0xFF) return std::nullopt;
  // A later version may append fields, but only behind a dash.
  if (version == 0 && value.size() != kLength) return std::nullopt;
  if (value.size() > kLength && value[kLength] != '-') return std::nullopt;
  if (!read_hex(value.substr(kTraceIdAt), context.trace_id.data(), context.trace_id.size()) ||
      !read_hex(value.substr(kSpanIdAt), context.span_id.data(), context.span_id.size()) ||
      !read_hex(value.substr(kFlagsAt), &context.flags, 1)) {
    return std::nullopt;
  }
  if (!context.valid()) return std::nullopt;
  return context;
}

bool acceptable_tracestate(std::string_view value) {
  return !value.empty() && value.size() <= kTracestateLimit;
}

}  // namespace hostlens::protocols
