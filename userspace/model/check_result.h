// SPDX-License-Identifier: Apache-2.0
// What one run of a configured check found: made by checks/, judged by health/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hostlens::model {

struct CheckResult {
  enum class Outcome : uint8_t { kPassed, kFailed, kUnknown };  ///< kUnknown: could not be tried

  Outcome outcome = Outcome::kUnknown;
  std::string error_type;  ///< a word of few ("timeout", "ECONNREFUSED"), "" when it passed
  std::string text;        ///< one line for a person, at most 1 KiB
  double seconds = 0;
  std::optional<double> certificate_days;  ///< until the first certificate of the chain expires
};

/// A check and what its last runs found.
struct CheckStatus {
  std::string name;
  std::string type;
  std::string target;  ///< as configured, for people
  uint64_t failures_needed = 3;
  uint64_t failures = 0;  ///< in a row
  uint64_t runs = 0;
  uint64_t interval_ns = 0;
  uint64_t last_end_ns = 0;  ///< CLOCK_MONOTONIC, 0: none ended yet
  CheckResult last;
};

}  // namespace hostlens::model
