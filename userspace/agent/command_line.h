// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hostlens::agent {

/// Reads the arguments and runs the command they name. Returns the process's exit status.
[[nodiscard]] int run_program(int argc, char** argv);

}  // namespace hostlens::agent
