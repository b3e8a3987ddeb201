// SPDX-License-Identifier: Apache-2.0
// Any bytes as a pprof file, gzipped or not. What is read is written again and has the same sums.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporters/profile/format.h"
#include "exporters/profile/pprof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::exporters::profile;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr size_t kMostBytes = 1U << 20U;
  const auto profile = read_pprof(bytes, kMostBytes);
  if (!profile) {
    if (profile.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = write_pprof(*profile);
  if (!again) std::abort();
  const auto back = read_pprof(*again, 4 * kMostBytes);
  if (!back) std::abort();
  if (back->total_weight() != profile->total_weight()) std::abort();
  if (back->settings().kind != profile->settings().kind) std::abort();
  for (const auto format : {ProfileFormat::kFolded, ProfileFormat::kHtml, ProfileFormat::kSvg,
                            ProfileFormat::kSpeedscope}) {
    if (!write_profile(*profile, format, bytes.substr(0, 64))) std::abort();
  }
  return 0;
}
