// SPDX-License-Identifier: Apache-2.0
// Go's line table, asked at addresses that it names and that it does not, and for the stack depths
// of its first functions.
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
  for (uint32_t index = 0; index < 16; ++index) {
    uint64_t end = table->start_of(index).value_or(0);
    (void)table->stack_depths(index, [&end](const symbols::GoStackDepth& depth) {
      if (depth.begin != end) std::abort();
      end = depth.end;
    });
  }
  return 0;
}
