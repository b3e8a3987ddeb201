// SPDX-License-Identifier: Apache-2.0
// zlib streams of compressed ELF sections, with a bound.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_reader.h"
#include "base/result.h"

namespace hostlens::symbols {

/// `size` bytes from a zlib stream; kInvalid when it has more or fewer, kBusy when `size` is over
/// `limit`. Memory grows with what really comes out, not with what is promised.
[[nodiscard]] base::Result<std::vector<std::byte>> inflate_exactly(base::Bytes compressed,
                                                                   uint64_t size, uint64_t limit);

}  // namespace hostlens::symbols
