// SPDX-License-Identifier: Apache-2.0
// Texts of `target`: what is asked, and for some types, behind a blank, the limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "checks/check.h"

namespace hostlens::checks {

struct CheckTarget {
  std::string host;  ///< tcp, grpc, tls: a name or an address, without brackets
  uint16_t port = 0;
  std::string text;        ///< http: URL; grpc: service; dns, unit, process: name; else a path
  bool encrypted = false;  ///< grpc over TLS
  double limit = 0;        ///< http: status, 0: any from 200 to 399; tls: days; process: least
                           ///< number; file_age: seconds; disk: share used
  std::string wanted;      ///< dns: an address that must be among the answers, "": any
};

/// What may stand there, for errors and documentation.
[[nodiscard]] std::string_view target_allowed(CheckType type);

/// Pure. kInvalid says what is wrong; kCommand has no target.
[[nodiscard]] base::Result<CheckTarget> parse_target(CheckType type, std::string_view text);

}  // namespace hostlens::checks
