// SPDX-License-Identifier: Apache-2.0
// Addresses -> frames with names: modules by their symbols, kernel, vDSO and JIT-compiled code.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/process_key.h"
#include "model/stack.h"
#include "symbols/names/kernel_symbols.h"
#include "symbols/names/module_names.h"
#include "symbols/names/process_perf_maps.h"
#include "symbols/names/symbol_files.h"

namespace hostlens::symbols {

struct SymbolizerLimits {
  uint64_t bytes = 64U << 20;  ///< of all modules' names; the least recently used ones go first
  uint32_t modules = 4096;     ///< with the refused ones
  uint64_t retry_ns = 60'000'000'000;  ///< until a module that could not be opened is tried again
  ModuleLimits module;
  PerfMapLimits perf_map;
};

struct SymbolizerStatistics {
  Refusals refused;
  uint64_t named = 0;    ///< frames, inlined ones too
  uint64_t unnamed = 0;  ///< frames that keep their module, build id and address
  uint64_t loaded = 0;   ///< modules read
  uint64_t evicted = 0;
  uint64_t bytes = 0;  ///< of modules' names
};

/// What the unwinder says of a frame.
struct CodeAddress {
  uint64_t address = 0;  ///< in the file's own addresses; raw without a module
  std::shared_ptr<const model::Module> module = {};  ///< null: no file behind it
  bool kernel = false;
  /// It is where a call returns to: the name is that of the instruction before, so that a call at a
  /// function's very end is not its neighbour's. The frame keeps the address.
  bool return_address = false;
};

/// For one thread, off the hot path: the first frame of a module costs the opening and reading of
/// its file (see ModuleNames::load), each other one about a microsecond, or less than a
/// millisecond with inlines.
class Symbolizer {
 public:
  /// `files` outlives it; `now_ns` is a monotonic clock.
  Symbolizer(SymbolFiles& files, const SymbolizerLimits& limits, std::function<uint64_t()> now_ns);

  /// Null until somebody has them (supervisor: /proc/kallsyms): kernel frames have no names then.
  void set_kernel_symbols(std::shared_ptr<const KernelSymbols> symbols);

  /// Appends one frame, or several where functions were inlined: leaf first. Always at least one.
  void append(const model::ProcessKey& process, const CodeAddress& code,
              std::vector<model::Frame>& frames);

  /// The process has ended or called exec.
  void forget(const model::ProcessKey& process) { perf_maps_.forget(process); }

  /// Nobody executes the module any more: its names go, and are read again if somebody does.
  void forget(const std::shared_ptr<const model::Module>& module);
  /// The names of this build id are read again when somebody asks: there may be others by now.
  void forget_names(std::string_view build_id);

  [[nodiscard]] const SymbolizerStatistics& statistics() const { return statistics_; }

 private:
  struct Known {
    std::string key;
    std::shared_ptr<const model::Module> module;  ///< keeps its address, which may be in the key
    ModuleNames names;
    uint64_t bytes = 0;
    uint64_t loaded_ns = 0;
  };

  ModuleNames load(const model::ProcessKey& process, const model::Module& module);
  Known& known(const model::ProcessKey& process,
               const std::shared_ptr<const model::Module>& module);
  void account(Known& module);
  void evict();
  void drop(std::list<Known>::iterator module);
  [[nodiscard]] model::Frame kernel_frame(const CodeAddress& code, uint64_t lookup);
  [[nodiscard]] model::Frame jit_frame(const model::ProcessKey& process, const CodeAddress& code,
                                       uint64_t lookup);

  SymbolFiles& files_;
  SymbolizerLimits limits_;
  std::function<uint64_t()> now_ns_;
  SymbolizerStatistics statistics_;
  std::list<Known> modules_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Known>::iterator> by_key_;
  std::shared_ptr<const KernelSymbols> kernel_;
  /// Functions and modules of the kernel that were met, by start and name.
  std::unordered_map<uint64_t, std::shared_ptr<const model::Function>> kernel_functions_;
  std::unordered_map<std::string, std::shared_ptr<const model::Module>> kernel_modules_;
  ProcessPerfMaps perf_maps_;
};

}  // namespace hostlens::symbols
