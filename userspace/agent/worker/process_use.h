// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "aggregators/agent_sample.h"

namespace hostlens::agent {

/// Processor time and resident memory from /proc/PID/stat; zeros when that cannot be read.
[[nodiscard]] aggregators::AgentSample::ProcessUse process_use(std::string role, pid_t pid);

}  // namespace hostlens::agent
