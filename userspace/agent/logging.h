// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hostlens::agent {

/// Log lines go to standard error: with a priority for the journal under systemd, else with the
/// program's name, so that they can be told from a command's own output. HOSTLENS_LOG sets the
/// level (debug, info, warning, error); `run` is quiet below warnings.
void set_up_logging(bool quiet = false);

}  // namespace hostlens::agent
