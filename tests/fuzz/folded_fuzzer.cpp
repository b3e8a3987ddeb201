// SPDX-License-Identifier: Apache-2.0
// Any text as folded stacks. What is read is written to a text that reads back to itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "exporters/profile/folded.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::exporters::profile;
  const auto profile = read_folded({reinterpret_cast<const char*>(data), size}, 1U << 20U);
  if (!profile) {
    if (profile.error().message.empty()) std::abort();
    return 0;
  }
  const std::string once = write_folded(*profile);
  if (hostlens::base::valid_utf8_prefix(once) != once.size()) std::abort();
  const auto back = read_folded(once);
  if (!back) std::abort();
  if (back->total_weight() != profile->total_weight()) std::abort();
  if (write_folded(*back) != once) std::abort();
  return 0;
}
