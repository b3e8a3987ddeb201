// SPDX-License-Identifier: Apache-2.0
// How many files this process may have open: RLIMIT_NOFILE.
#pragma once

#include <cstdint>

namespace hostlens::base {

/// The soft limit; UINT64_MAX: none.
[[nodiscard]] uint64_t open_files_limit();

/// Raises the soft limit as far as the hard one allows, but not beyond what a host agent can use.
/// The soft one is low for the sake of programs that call select(2), which we do not. Programs that
/// are executed later inherit it: give those of others their own back (set_open_files_limit).
/// Returns what it was; on failure nothing changes.
uint64_t raise_open_files_limit();

/// The soft limit alone. Async-signal-safe: for between fork and exec.
void set_open_files_limit(uint64_t files);

}  // namespace hostlens::base
