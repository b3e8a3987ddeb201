// SPDX-License-Identifier: Apache-2.0
// Go's line table, asked at addresses that it names and that it does not.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "symbols/names/go_line_table.h"

using namespace hostlens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kText = 0x401000;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const auto table =
      symbols::GoLineTable::parse(std::vector<std::byte>(begin, begin + size), kText);
  if (!table) return 0;
  for (uint64_t address : {uint64_t{0}, uint64_t{1}, kText - 1, UINT64_MAX}) {
    (void)table->find(address);
  }
  for (uint64_t step = 0; step < 256; ++step) {
    const auto found = table->find(kText + step * 4);
    if (!found) continue;
    if (found->start > kText + step * 4 || found->function.empty() ||
        found->index >= table->functions() || (found->file.empty() && found->line != 0)) {
      std::abort();
    }
  }
  return 0;
}
