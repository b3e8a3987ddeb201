// SPDX-License-Identifier: Apache-2.0
// The end of a recording with --debuginfod: files that are under way are waited for, and what was
// sampled before they came gets its names.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/debug_cache.h"
#include "model/profile.h"
#include "symbols/debuginfod/symbol_downloads.h"

namespace hostlens::agent {

/// Blocks for at most half a minute, and says on standard error what it waits for.
void wait_for_symbols(symbols::SymbolDownloads& downloads);

/// Returns how many frames of samples got a name.
uint64_t name_late(model::Profile& profile, kernel::DebugCache& cache);

/// A line of the summary; "" when nothing was asked for.
[[nodiscard]] std::string downloads_told(const symbols::DownloadCounts& counts, size_t waiting);

}  // namespace hostlens::agent
