// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hostlens::decoders {

/// Why a record was not understood; a decoder changes nothing then. Hot path: no message is built.
enum class DecodeStatus : uint8_t {
  kOk,
  kTruncated,  ///< shorter than its type needs, or than its own size says
  kType,       ///< no such record on this ring
  kField,      ///< a value outside its range
};

}  // namespace hostlens::decoders
