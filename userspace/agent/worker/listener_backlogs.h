// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "health/inputs.h"
#include "model/listener_state.h"

namespace hostlens::agent {

/// What health judges: of the sockets of a service that share a port, the fullest, with the drops
/// of all. Those of nobody that is known are left out.
[[nodiscard]] std::shared_ptr<const std::vector<health::ListenerBacklog>> listener_backlogs(
    const std::vector<model::ListenerState>& listeners);

}  // namespace hostlens::agent
