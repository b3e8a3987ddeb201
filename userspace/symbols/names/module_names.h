// SPDX-License-Identifier: Apache-2.0
// Everything that names the code of one module, put together from its file and, where that is
// stripped, from what lies beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/stack.h"
#include "symbols/elf/elf_view.h"
#include "symbols/names/debug_data.h"
#include "symbols/names/debug_link.h"
#include "symbols/names/go_program.h"
#include "symbols/names/refusals.h"
#include "symbols/names/source_lines.h"
#include "symbols/names/symbol_table.h"

namespace hostlens::symbols {

struct ModuleLimits {
  SymbolLimits symbols;
  DebugDataLimits debug_data;
  GoProgramLimits go;
  SourceLimits source;
  bool inlines = false;  ///< inlined functions and lines by DWARF: costs its size in memory
  uint32_t functions =
      16U << 10;  ///< demangled names kept; forgotten all at once when there are more
};

/// A name for one address, or several: inlined functions first.
struct NamedCode {
  std::shared_ptr<const model::Function> function;
  uint32_t line = 0;
  bool inlined = false;
  bool go = false;
};

/// Not thread-safe: it remembers the names that it has demangled.
class ModuleNames {
 public:
  /// `file` is the module's; `open_debug_file` is called when it is stripped, or for each when
  /// inlines are on. Never fails as a whole: what cannot be read is counted, and names
  /// less. 10 ms for libc6-dbg, 0.1 s for libLLVM.
  static ModuleNames load(base::UniqueFd file, const OpenDebugFile& open_debug_file,
                          const ModuleLimits& limits, const std::function<uint64_t()>& now_ns,
                          Refusals& refusals);
  /// Of an image in memory: the vDSO.
  static ModuleNames of_image(const ElfView& elf, const ModuleLimits& limits, Refusals& refusals);

  /// Of a module that could not be opened.
  static ModuleNames none() { return ModuleNames(0); }

  /// Leaf first; empty without a name.
  [[nodiscard]] std::vector<NamedCode> find(uint64_t address);

  [[nodiscard]] bool empty() const { return table_.size() == 0 && !go_ && !source_; }
  [[nodiscard]] uint64_t bytes() const;

 private:
  explicit ModuleNames(uint32_t functions) : max_functions_(functions) {}

  void load_symbols(const ElfView& elf, const ElfView* debug, const ModuleLimits& limits,
                    Refusals& refusals);
  void load_go(const ElfView& elf, const ModuleLimits& limits, Refusals& refusals);
  std::shared_ptr<const model::Function> function(std::string_view linker_name,
                                                  std::string_view file, bool mangled);
  std::shared_ptr<const model::Function> function_of(const FoundSymbol& symbol);
  void make_room();

  uint32_t max_functions_;
  SymbolTable table_;
  std::optional<GoLineTable> go_;
  std::unique_ptr<SourceLines> source_;
  /// Of table_, by the symbol's number.
  std::unordered_map<uint32_t, std::shared_ptr<const model::Function>> by_symbol_;
  /// Of the others, by linker name, NUL, file.
  std::unordered_map<std::string, std::shared_ptr<const model::Function>> functions_;
  std::string key_;
  uint64_t function_bytes_ = 0;
};

}  // namespace hostlens::symbols
