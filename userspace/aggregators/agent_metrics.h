// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "aggregators/agent_sample.h"
#include "aggregators/family_list.h"

namespace hostlens::aggregators {

/// Where the agent's own totals begin: those in shared memory, in the kernel and of the supervisor
/// outlive a worker, those in the worker's memory do not.
struct AgentStarts {
  uint64_t supervisor_unix_ns = 0;
  uint64_t worker_unix_ns = 0;
};

/// The books (hostlens.records, hostlens.records.held), hostlens.agent.* and hostlens.build.info.
void add_agent_families(FamilyList& list, const AgentSample& sample, const AgentStarts& starts,
                        const std::vector<FamilyLoad>& loads);

}  // namespace hostlens::aggregators
