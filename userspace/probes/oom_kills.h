// SPDX-License-Identifier: Apache-2.0
// The last processes that the kernel killed for want of memory, with the evidence.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "records/oom_kill.h"

namespace hostlens::probes {

/// Reads the array that the memory probe writes; needs no privilege beyond the descriptor. One
/// thread.
class OomKills {
 public:
  /// kInvalid: another kind of map.
  [[nodiscard]] static base::Result<OomKills> open(base::UniqueFd map);

  /// Those since the last call, oldest first; of more than OOM_KILLS_KEPT, the last so many. Their
  /// texts end with 0.
  [[nodiscard]] base::Result<std::vector<oom_kill>> take();

 private:
  explicit OomKills(base::UniqueFd map) : map_(std::move(map)) {}

  base::UniqueFd map_;
  uint64_t last_ = 0;
};

}  // namespace hostlens::probes
