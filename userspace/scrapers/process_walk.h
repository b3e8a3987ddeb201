// SPDX-License-Identifier: Apache-2.0
// One look at every process: a single small file each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/process_key.h"
#include "scrapers/process_files.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// The kernel's comm: 15 bytes and a NUL, raw.
using Comm = std::array<char, 16>;
[[nodiscard]] inline std::string_view text_of(const Comm& comm) { return comm.data(); }

struct SeenProcess {
  model::ProcessKey key;
  Comm comm{};
  ProcessStat stat;  ///< its comm is not to be used: the text is gone
};

struct ProcessWalk {
  std::vector<SeenProcess> processes;
  bool whole = true;  ///< false: hidden ones, or more than the limit
};

/// Reads `entries` entries of /proc at most. Sees all of them, or says not: where /proc hides
/// other users' processes (hidepid), the first process is hidden too.
void walk_processes(Scrape& run, size_t entries, ProcessWalk& walk);

}  // namespace hostlens::scrapers
