// SPDX-License-Identifier: Apache-2.0
// What a worker is told at its start and at each reload, as JSON in sealed memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/configuration.h"
#include "base/result.h"

namespace hostlens::agent {

/// A recording by `hostlens profile`, instead of the agent's work.
struct ProfileJob {
  uint32_t hz = 0;
  /// Names of the files, for their kind. None: a table of functions goes to the only output.
  std::vector<std::string> outputs;
  uint32_t target_pid = 0;              ///< the kernel samples it and its descendants alone; 0: all
  std::string title;                    ///< what is recorded, for people
  std::string unit;                     ///< processes of this systemd unit alone; "": any
  std::string service;                  ///< processes of this service alone; "": any
  bool off_cpu = false;                 ///< times off CPU instead of samples
  bool wakers = false;                  ///< and who ended each sleep
  std::vector<std::string> debuginfod;  ///< URLs of servers; none: nobody is asked for names
};

/// The configuration travels as the text that the supervisor checked, so that one parser judges it
/// on both sides.
struct WorkerSettings {
  bool run_mode = false;      ///< print the summary at the end
  std::string file;           ///< name of the configuration text, for messages
  std::string configuration;  ///< the text
  Overrides overrides;
  std::string attach_report = "{}";  ///< JSON of Capture::report_json
  uint64_t supervisor_start_unix_ns = 0;
  std::optional<ProfileJob> profile;
};

[[nodiscard]] std::string to_json(const WorkerSettings& settings);
[[nodiscard]] base::Result<WorkerSettings> worker_settings_from_json(std::string_view json);

}  // namespace hostlens::agent
