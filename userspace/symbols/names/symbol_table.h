// SPDX-License-Identifier: Apache-2.0
// The functions of one executable by address, compact: 16 bytes and the name for each.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hostlens::symbols {

/// What the symbols of one file may cost.
struct SymbolLimits {
  uint32_t symbols = 2U << 20;   ///< functions; libLLVM has 0.2 million. 24 bytes each, for a while
  uint32_t records = 16U << 20;  ///< of symbol tables read, functions or not
  uint64_t table_bytes = 48U << 20;  ///< kept: entries and names
  uint32_t name_bytes = 4096;        ///< longer ones are cut; a cut mangled name stays mangled
};

/// The name points into the table.
struct FoundSymbol {
  std::string_view name;  ///< as the linker has it, without a version; any bytes but NUL
  uint64_t start = 0;     ///< ELF virtual address
  uint32_t index = 0;     ///< of the symbol in its table, for callers that keep something by symbol
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
  /// `entries` by ascending start, no two alike; each name ends in a NUL.
  SymbolTable(std::vector<Entry> entries, std::vector<char> names)
      : entries_(std::move(entries)), names_(std::move(names)) {}

  /// The function that has the address inside: the innermost one whose size the file states, else
  /// the one before it without a size (assembly) if nothing else begins in between. Binary search
  /// and a bounded walk: below a microsecond.
  [[nodiscard]] std::optional<FoundSymbol> find(uint64_t address) const;

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] uint64_t bytes() const {
    return entries_.capacity() * sizeof(Entry) + names_.capacity();
  }

 private:
  [[nodiscard]] FoundSymbol found(size_t index) const;

  std::vector<Entry> entries_;
  std::vector<char> names_;
};

}  // namespace hostlens::symbols
