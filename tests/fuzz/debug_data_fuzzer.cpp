// SPDX-License-Identifier: Apache-2.0
// xz streams: what comes out stays within its limit.
#include <cstdint>
#include <cstdlib>

#include "symbols/names/debug_data.h"

using namespace hostlens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr symbols::DebugDataLimits kLimits{
      .compressed_bytes = 16384, .bytes = 65536, .dictionary_bytes = 1 << 20};
  const auto bytes =
      symbols::decompress_xz(base::Bytes(reinterpret_cast<const std::byte*>(data), size), kLimits);
  if (bytes && (bytes->size() > kLimits.bytes || size > kLimits.compressed_bytes)) std::abort();
  return 0;
}
