// SPDX-License-Identifier: Apache-2.0
// What a collector's answer means, by the OTLP specification ("OTLP/HTTP Response"). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exporters/otlp/http_sender.h"

namespace hostlens::exporters::otlp {

enum class Signal : uint8_t { kTraces, kMetrics, kProfiles };

[[nodiscard]] std::string_view to_string(Signal signal);

struct Judgement {
  enum class Verdict {
    kDelivered,  ///< `rejected` of the items were refused for good, the rest is taken
    kRetry,      ///< 429, 502, 503, 504 and every failure to get an answer
    kRefused,    ///< anything else, 500 included: sending it again would not help
  };
  Verdict verdict = Verdict::kRefused;
  uint64_t rejected = 0;
  std::optional<std::chrono::nanoseconds>
      retry_after;   ///< asked for by the server, at most kLongestRetryAfter
  std::string text;  ///< why, printable and short; with kDelivered: a warning, "" without one
};

/// A server that asks for more is asked again after this.
inline constexpr std::chrono::nanoseconds kLongestRetryAfter = std::chrono::minutes(5);

/// `items`: how many were sent, the most that can be rejected. `unix_now_s` is for dates in
/// Retry-After.
[[nodiscard]] Judgement judge(Signal signal, const HttpReply& reply, uint64_t items,
                              int64_t unix_now_s);

}  // namespace hostlens::exporters::otlp
