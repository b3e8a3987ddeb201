// SPDX-License-Identifier: Apache-2.0
// Linker names: whatever comes out is bounded UTF-8, and a name never vanishes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/utf8.h"
#include "symbols/names/demangle.h"

using namespace hostlens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  const std::string shown = symbols::demangle(name);
  if (shown.size() > symbols::kMaxNameBytes || shown.empty() != name.empty() ||
      base::valid_utf8_prefix(shown) != shown.size()) {
    std::abort();
  }
  return 0;
}
