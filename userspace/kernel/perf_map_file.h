// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::kernel {

/// Pid and effective user of a process as its /proc/PID/status has them.
struct PerfMapOwner {
  uint32_t inner_pid = 0;  ///< in its innermost pid namespace: what names the file
  uint32_t user = 0;       ///< effective user id, as the agent sees it
};

/// From the text of /proc/PID/status; kInvalid when NSpid or Uid is missing.
[[nodiscard]] base::Result<PerfMapOwner> parse_perf_map_owner(std::string_view status);

/// /tmp/perf-PID.map of the process behind `process_path` ("/proc/42"), in its own root. Trusted
/// only as a regular file that the process's user or root owns, of at most `limit_bytes`, and
/// reached without any symbolic link. kNotFound: none (nearly every process); kDenied: a link or
/// another owner; kBusy: too large; kInvalid: no regular file.
[[nodiscard]] base::Result<base::UniqueFd> open_perf_map(const std::string& process_path,
                                                         uint64_t limit_bytes);

}  // namespace hostlens::kernel
