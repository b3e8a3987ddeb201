// SPDX-License-Identifier: Apache-2.0
// Encoded pointers of .eh_frame and .eh_frame_hdr (LSB 5.0 Core section 10.5.1).
#pragma once

#include <cstdint>

#include "symbols/unwind/cfi_cursor.h"

namespace hostlens::symbols {

enum PointerEncoding : uint8_t {
  kPointerAbsolute = 0x00,
  kPointerUleb = 0x01,
  kPointerU16 = 0x02,
  kPointerU32 = 0x03,
  kPointerU64 = 0x04,
  kPointerSleb = 0x09,
  kPointerS16 = 0x0a,
  kPointerS32 = 0x0b,
  kPointerS64 = 0x0c,
  kPointerFormat = 0x0f,  ///< mask of the above

  kPointerRelativeToItself = 0x10,
  kPointerRelativeToText = 0x20,
  kPointerRelativeToData = 0x30,
  kPointerRelativeToFunction = 0x40,
  kPointerAligned = 0x50,
  kPointerApplication = 0x70,  ///< mask of these

  kPointerIndirect = 0x80,
  kPointerOmitted = 0xff,
};

/// What pointers may be relative to, as virtual addresses of the file.
struct PointerBases {
  uint64_t section = 0;  ///< of the first byte of the cursor
  uint64_t text = 0;
  uint64_t data = 0;
};

/// Fails the cursor on an encoding that no pointer to code can have in a file: indirect, omitted,
/// unknown.
[[nodiscard]] uint64_t read_pointer(CfiCursor& cursor, uint8_t encoding, const PointerBases& bases);

/// Passes over a pointer, whatever it means.
void skip_pointer(CfiCursor& cursor, uint8_t encoding, const PointerBases& bases);

}  // namespace hostlens::symbols
