// SPDX-License-Identifier: Apache-2.0
// A perf map that comes in pieces, with a tiny limit: the first byte is the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "symbols/names/perf_map.h"

using namespace hostlens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] + size_t{1};
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  symbols::PerfMap whole({.entries = 32, .bytes = 4096, .file_bytes = 0, .name_bytes = 64});
  symbols::PerfMap pieces({.entries = 32, .bytes = 4096, .file_bytes = 0, .name_bytes = 64});
  whole.feed(text);
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    pieces.feed(text.substr(0, step));
  }
  if (whole.size() != pieces.size() || whole.bytes() != pieces.bytes() ||
      whole.skipped() != pieces.skipped() || whole.size() > 32 || whole.bytes() > 4096) {
    std::abort();
  }
  for (uint64_t address = 0; address < 0x4000; address += 0x40) {
    const auto left = whole.find(address);
    const auto right = pieces.find(address);
    if (left.has_value() != right.has_value()) std::abort();
    if (!left) continue;
    if (left->name != right->name || left->start > address || left->name.empty() ||
        base::valid_utf8_prefix(left->name) != left->name.size()) {
      std::abort();
    }
  }
  return 0;
}
