// SPDX-License-Identifier: Apache-2.0
// Any text as /proc/PID/maps, whose paths are anybody's to choose: what is kept ascends, is apart
// and within its limit.
#include <cstdint>
#include <cstdlib>

#include "symbols/code/mapping_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace hostlens;
  constexpr size_t kMost = 50;
  const auto mappings =
      symbols::parse_code_mappings({reinterpret_cast<const char*>(bytes), size}, kMost);
  if (mappings.size() > kMost) std::abort();
  uint64_t end = 0;
  for (const auto& mapping : mappings) {
    if (mapping.start < end || mapping.limit <= mapping.start) std::abort();
    end = mapping.limit;
  }
  return 0;
}
