// SPDX-License-Identifier: Apache-2.0
// Where OTLP goes and how.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hostlens::exporters::otlp {

struct SignalSettings {
  std::string
      url;  ///< complete ("http://host:4318/v1/traces"), used as it is; "": the signal is off
  std::vector<std::pair<std::string, std::string>> headers;
  bool gzip = true;
  uint64_t timeout_ns = 10'000'000'000;  ///< of one attempt
};

/// The specification asks for exponential back-off with jitter and leaves the numbers open; these
/// are the Collector's limits with a quicker first step, since most refusals are restarts of a
/// moment.
struct RetrySettings {
  std::chrono::nanoseconds first = std::chrono::seconds(1);
  std::chrono::nanoseconds longest = std::chrono::seconds(30);
  std::chrono::nanoseconds give_up =
      std::chrono::minutes(5);  ///< of one request, from its first attempt
};

struct OtlpSettings {
  SignalSettings traces;
  SignalSettings metrics;
  SignalSettings profiles;
  size_t queue_bytes = 8U << 20;  ///< spans in memory
  std::string user_agent;         ///< "": OTel-OTLP-Exporter-Hostlens/<version>
  RetrySettings retry;
};

}  // namespace hostlens::exporters::otlp
