// SPDX-License-Identifier: Apache-2.0
// ELF symbol tables (gABI chapter 4, "Symbol Table") -> SymbolTable.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "symbols/elf/elf_view.h"
#include "symbols/names/symbol_table.h"

namespace hostlens::symbols {

/// Gathers the functions of one file from one or more of its symbol tables; of each address the
/// best name wins: a function before a label, with a size before without, global before weak before
/// local, the larger one, the first one. Not thread-safe. Reads tables in small pieces; at its peak
/// it has 24 bytes for each candidate and what the finished table has.
class SymbolReader {
 public:
  explicit SymbolReader(const SymbolLimits& limits = {}) : limits_(limits) {}

  /// All sections of `type` (SHT_SYMTAB or SHT_DYNSYM). A file without one adds nothing. kInvalid
  /// when the table is broken, kBusy when it is over a limit: what was added before stays good.
  base::Result<void> add(const ElfView& elf, uint32_t type);

  /// Functions, labels and aliases found so far.
  [[nodiscard]] size_t candidates() const { return candidates_.size(); }

  /// kBusy when the table would be over its limit. The reader is empty afterwards.
  base::Result<SymbolTable> finish();

 private:
  struct Candidate {
    uint64_t start = 0;
    uint32_t size = 0;
    uint32_t name = 0;    ///< in the string table of its source
    uint32_t limit = 0;   ///< bytes from the start to the end of its section
    uint16_t source = 0;  ///< index into strings_
    uint16_t rank = 0;    ///< lower is better
  };
  /// A string table, read again when names are taken from it.
  struct Strings {
    std::shared_ptr<const ElfView> elf;
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  base::Result<void> add_table(const std::shared_ptr<const ElfView>& elf, const ElfSection& table);
  void keep_best();
  void guess_sizes();
  [[nodiscard]] bool names_stay() const;
  base::Result<SymbolNames> take_names();

  SymbolLimits limits_;
  uint64_t records_ = 0;
  std::vector<Candidate> candidates_;
  std::vector<Strings> strings_;
};

/// .symtab, or .dynsym where there is none or it has no function.
[[nodiscard]] base::Result<SymbolTable> read_symbols(const ElfView& elf,
                                                     const SymbolLimits& limits = {});

}  // namespace hostlens::symbols
