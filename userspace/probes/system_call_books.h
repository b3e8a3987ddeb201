// SPDX-License-Identifier: Apache-2.0
// How long system calls were observed, and what that took, as the worker reads it.
#pragma once

#include "base/result.h"
#include "records/system_call.h"

namespace hostlens::probes {

/// `map`: KernelProbes::tables().system_call_books.
[[nodiscard]] base::Result<system_call_books> read_system_call_books(int map);

}  // namespace hostlens::probes
