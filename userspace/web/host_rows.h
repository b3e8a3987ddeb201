// SPDX-License-Identifier: Apache-2.0
// The host between its last two readings: what /api/v1/host serves, and what the host page of `top`
// is made of.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/metric.h"

namespace hostlens::web {

struct HostRow {
  enum class Kind : uint8_t {
    kLevel,         ///< what it was at the last reading
    kRate,          ///< what came between the last two readings, by second
    kDistribution,  ///< the values between the last two readings
  };

  std::string name;  ///< of the metric
  Kind kind = Kind::kLevel;
  std::string service;                            ///< "": summed over all
  std::map<std::string, std::string> attributes;  ///< those that it was not summed over
  double value = 0;                               ///< of a level or a rate, in the metric's unit
  model::ExponentialHistogram distribution;       ///< seconds, in octaves
};

/// One of the two sources: files of the host, and tables of our programs.
struct HostReadingTimes {
  double seconds = 0;      ///< between the last two readings; 0: there are no two yet
  double age_seconds = 0;  ///< of the last one, when it was asked for; negative: there is none
};

struct HostRows {
  HostReadingTimes files, kernel;
  std::vector<HostRow> rows;
  struct Missing {
    std::string signal, reason, remedy;
  };
  std::vector<Missing> unavailable;  ///< metrics that no hook serves, and what doctor says of it
};

[[nodiscard]] std::string to_json(const HostRows& rows);
/// Of an agent's answer; an agent is not trusted more than any server. kInvalid when it is not such
/// a document.
[[nodiscard]] base::Result<HostRows> host_rows_from_json(std::string_view text);

}  // namespace hostlens::web
