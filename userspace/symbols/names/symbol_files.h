// SPDX-License-Identifier: Apache-2.0
// How names/ gets at files: it opens none itself. In the agent the supervisor does, by request.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/process_key.h"
#include "model/stack.h"
#include "symbols/names/debug_link.h"

namespace hostlens::symbols {

/// Called from the symbolizer's thread, when a module is first seen; may block for as long as a
/// request to the supervisor takes. Descriptors are read-only, of regular files, and closed soon:
/// none is kept that would pin a mount.
class SymbolFiles {
 public:
  SymbolFiles() = default;
  SymbolFiles(const SymbolFiles&) = delete;
  SymbolFiles& operator=(const SymbolFiles&) = delete;
  virtual ~SymbolFiles() = default;

  /// The file that the process has mapped (by /proc/PID/map_files, so that deleted ones are found),
  /// or a descriptor pinned when it was first seen.
  virtual base::Result<base::UniqueFd> open_module(const model::ProcessKey& process,
                                                   const model::Module& module) = 0;
  /// What may be the module's debug symbols: is_debug_file_of decides. Most places have none.
  virtual base::Result<base::UniqueFd> open_debug_file(const model::ProcessKey& process,
                                                       const model::Module& module,
                                                       const DebugFilePlace& place) = 0;
  /// See kernel/perf_map_file.h.
  virtual base::Result<base::UniqueFd> open_perf_map(const model::ProcessKey& process) = 0;
};

}  // namespace hostlens::symbols
