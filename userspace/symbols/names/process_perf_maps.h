// SPDX-License-Identifier: Apache-2.0
// The perf maps of the processes that have frames outside of every file, read on as they grow.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "model/process_key.h"
#include "model/stack.h"
#include "symbols/names/perf_map.h"
#include "symbols/names/refusals.h"
#include "symbols/names/symbol_files.h"

namespace hostlens::symbols {

/// Not thread-safe.
class ProcessPerfMaps {
 public:
  static constexpr size_t kProcesses = 64;
  /// A map is looked at again at most this often, and only when a name is missing; one that could
  /// not be opened less often: most processes have none.
  static constexpr uint64_t kRefreshNs = 1'000'000'000;
  static constexpr uint64_t kRetryNs = 15'000'000'000;

  ProcessPerfMaps(SymbolFiles& files, const PerfMapLimits& limits)
      : files_(files), limits_(limits) {}

  /// Null without a name. A file that cannot be used is counted in `refusals`; one that does not
  /// exist is nothing unusual and is not.
  [[nodiscard]] std::shared_ptr<const model::Function> find(const model::ProcessKey& process,
                                                            uint64_t address, uint64_t now_ns,
                                                            Refusals& refusals);
  void forget(const model::ProcessKey& process);

 private:
  struct Process {
    model::ProcessKey key;
    PerfMap map;
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t offset = 0;  ///< read so far
    uint64_t next_look_ns = 0;
    std::unordered_map<std::string, std::shared_ptr<const model::Function>> functions;
  };

  Process& process_of(const model::ProcessKey& key);
  /// What the file has grown by; a replaced or shortened one from its beginning.
  void read_on(Process& process, uint64_t now_ns, Refusals& refusals);

  SymbolFiles& files_;
  PerfMapLimits limits_;
  std::list<Process> processes_;  ///< most recently used first
};

}  // namespace hostlens::symbols
