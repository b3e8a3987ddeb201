// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "web/recent_spans.h"

namespace hostlens::web {

/// {"traces": [{"trace_id": ..., "spans": [...]}]}; ids in hex, times in nanoseconds since the
/// epoch.
[[nodiscard]] std::string to_json(const std::vector<RecentTrace>& traces);

}  // namespace hostlens::web
