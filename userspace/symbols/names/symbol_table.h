// SPDX-License-Identifier: Apache-2.0
// The functions of one executable by address, compact: 16 bytes and the name for each, or less
// (symbol_names.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "symbols/names/symbol_names.h"

namespace hostlens::symbols {

/// What the symbols of one file may cost.
struct SymbolLimits {
  uint32_t symbols = 2U << 20;   ///< functions; libLLVM has 0.2 million. 24 bytes each, for a while
  uint32_t records = 16U << 20;  ///< of symbol tables read, functions or not
  uint64_t table_bytes = 48U << 20;  ///< kept: entries and names
  uint32_t name_bytes = 4096;        ///< longer ones are cut; a cut mangled name stays mangled
  uint32_t kept_names = 256U << 10;  ///< string tables that are larger stay in their file
};

struct FoundSymbol {
  uint64_t start = 0;  ///< ELF virtual address
  uint32_t index = 0;  ///< of the symbol in its table
};

/// Immutable once built (symbol_reader.h builds it). Any thread.
class SymbolTable {
 public:
  /// Sizes have 31 bits; the top one says that the size was made up, from what follows.
  struct Entry {
    uint64_t start = 0;
    uint32_t size = 0;
    uint32_t name = 0;  ///< where it begins in the names
  };
  static constexpr uint32_t kGuessedSize = 1U << 31;

  SymbolTable() = default;
  /// `entries` by ascending start, no two alike.
  SymbolTable(std::vector<Entry> entries, SymbolNames names, uint32_t name_bytes)
      : entries_(std::move(entries)), names_(std::move(names)), name_bytes_(name_bytes) {}

  /// The function that has the address inside: the innermost one whose size the file states, else
  /// the one before it without a size (assembly) if nothing else begins in between. Binary search
  /// and a bounded walk: below a microsecond.
  [[nodiscard]] std::optional<FoundSymbol> find(uint64_t address) const;

  /// As the linker has it, without a version; any bytes but NUL. `index` is one that was found.
  [[nodiscard]] std::string name_of(uint32_t index) const {
    return names_.at(entries_[index].name, name_bytes_);
  }

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] uint64_t bytes() const {
    return entries_.capacity() * sizeof(Entry) + names_.bytes();
  }

 private:
  [[nodiscard]] FoundSymbol found(size_t index) const;

  std::vector<Entry> entries_;
  SymbolNames names_;
  uint32_t name_bytes_ = 0;
};

}  // namespace hostlens::symbols
