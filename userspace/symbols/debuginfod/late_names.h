// SPDX-License-Identifier: Apache-2.0
// Names for frames of a recording whose debug files came only after they were sampled.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "kernel/debug_cache.h"
#include "model/stack.h"
#include "symbols/names/module_names.h"

namespace hostlens::symbols {

/// Needs no process any more: the cached file of a frame's build id says all. One thread.
class LateNames {
 public:
  /// `cache` must outlive it.
  explicit LateNames(kernel::DebugCache& cache) : cache_(cache) {}

  /// Gives native code without a name its function, if a cached file has one.
  void name(model::Frame& frame);

 private:
  [[nodiscard]] std::optional<ModuleNames> load(const std::string& build_id) const;

  kernel::DebugCache& cache_;
  std::unordered_map<std::string, std::optional<ModuleNames>> files_;  ///< by build id
};

}  // namespace hostlens::symbols
