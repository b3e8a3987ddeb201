// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/symbol_table.h"

#include <algorithm>

namespace hostlens::symbols {
namespace {

// Symbols nest where assembly marks parts of a function, or a linker folds one into another. A
// function that is further behind than this is not found, nor would it be in an honest file.
constexpr size_t kWalk = 64;

}  // namespace

FoundSymbol SymbolTable::found(size_t index) const {
  return {.start = entries_[index].start, .index = static_cast<uint32_t>(index)};
}

std::optional<FoundSymbol> SymbolTable::find(uint64_t address) const {
  const auto next = std::ranges::upper_bound(entries_, address, {}, &Entry::start);
  const auto before = static_cast<size_t>(next - entries_.begin());
  const auto holds = [&](const Entry& entry) {
    return address - entry.start < (entry.size & ~kGuessedSize);
  };
  for (size_t back = 1; back <= std::min(before, kWalk); ++back) {
    const Entry& entry = entries_[before - back];
    if ((entry.size & kGuessedSize) == 0 && holds(entry)) return found(before - back);
  }
  if (before != 0 && holds(entries_[before - 1])) return found(before - 1);
  return std::nullopt;
}

}  // namespace hostlens::symbols
