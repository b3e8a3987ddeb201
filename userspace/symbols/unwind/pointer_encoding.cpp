// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/pointer_encoding.h"

namespace hostlens::symbols {
namespace {

uint64_t read_value(CfiCursor& cursor, uint8_t encoding) {
  const auto extended = [](int64_t value) { return static_cast<uint64_t>(value); };
  switch (encoding & kPointerFormat) {
    case kPointerAbsolute:
    case kPointerU64:
    case kPointerS64:
      return cursor.fixed<uint64_t>();
    case kPointerUleb:
      return cursor.uleb();
    case kPointerU16:
      return cursor.fixed<uint16_t>();
    case kPointerU32:
      return cursor.fixed<uint32_t>();
    case kPointerSleb:
      return extended(cursor.sleb());
    case kPointerS16:
      return extended(cursor.fixed<int16_t>());
    case kPointerS32:
      return extended(cursor.fixed<int32_t>());
    default:
      cursor.fail();
      return 0;
  }
}

void align(CfiCursor& cursor, const PointerBases& bases) {
  const uint64_t address = bases.section + cursor.position();
  (void)cursor.take((8 - address % 8) % 8);
}

}  // namespace

uint64_t read_pointer(CfiCursor& cursor, uint8_t encoding, const PointerBases& bases) {
  if ((encoding & kPointerIndirect) != 0) {  // kPointerOmitted has this bit too
    cursor.fail();
    return 0;
  }
  const uint64_t here = bases.section + cursor.position();
  switch (encoding & kPointerApplication) {
    case 0:
      return read_value(cursor, encoding);
    case kPointerRelativeToItself:
      return here + read_value(cursor, encoding);
    case kPointerRelativeToText:
      return bases.text + read_value(cursor, encoding);
    case kPointerRelativeToData:
      return bases.data + read_value(cursor, encoding);
    case kPointerAligned:
      align(cursor, bases);
      return cursor.fixed<uint64_t>();
    default:
      cursor.fail();
      return 0;
  }
}

void skip_pointer(CfiCursor& cursor, uint8_t encoding, const PointerBases& bases) {
  if (encoding == kPointerOmitted) return;
  if ((encoding & kPointerApplication) == kPointerAligned) {
    align(cursor, bases);
    encoding = kPointerU64;
  }
  (void)read_value(cursor, encoding);
}

}  // namespace hostlens::symbols
