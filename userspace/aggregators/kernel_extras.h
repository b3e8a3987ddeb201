// SPDX-License-Identifier: Apache-2.0
// What is read of the kernel's programs besides their tables, as metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/listener_state.h"
#include "model/metric.h"
#include "records/system_call.h"

namespace hostlens::aggregators {

/// hostlens.listen.queue and its limit, by service and port; sockets that share a port are summed.
/// At most `limit` series of each, those with the longest queues. `listeners` have their services.
void add_listener_families(std::vector<model::MetricFamily>& families,
                           const std::vector<model::ListenerState>& listeners, size_t limit,
                           uint64_t now_unix_ns);

/// hostlens.syscall.burst.time{mode} and hostlens.syscall.burst.cost.
void add_system_call_families(std::vector<model::MetricFamily>& families,
                              const system_call_books& books, uint64_t start_unix_ns);

}  // namespace hostlens::aggregators
