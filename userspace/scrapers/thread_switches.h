// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "scrapers/process_files.h"
#include "scrapers/scraper.h"

namespace hostlens::scrapers {

/// Context switches of one process. The kernel tells them by thread and forgets those of a thread
/// that ended: its last reading is kept, what came after it is lost.
class ThreadSwitches {
 public:
  struct Totals {
    uint64_t voluntary = 0, involuntary = 0;
  };

  /// `pid` directory's threads, at most `budget`, which is lowered by what was read. nullopt when
  /// there are more, or the process ended. `status` is of the main thread.
  [[nodiscard]] std::optional<Totals> read(Scrape& run, uint32_t pid, uint64_t threads,
                                           const ProcessStatus& status, size_t& budget);

 private:
  struct Thread {
    Totals last;
    uint64_t round = 0;  ///< in which it was seen last
  };
  void take(uint32_t tid, const ProcessStatus& status);

  Totals totals_;
  uint64_t round_ = 0;
  std::map<uint32_t, Thread> threads_;
};

}  // namespace hostlens::scrapers
