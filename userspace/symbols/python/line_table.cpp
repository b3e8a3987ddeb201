// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/line_table.h"

#include <limits>
#include <optional>

namespace hostlens::symbols {
namespace {

using base::ByteReader;
using base::Bytes;

uint32_t as_line(int64_t line) {
  return line > 0 && line <= std::numeric_limits<int32_t>::max() ? static_cast<uint32_t>(line) : 0;
}

/// 3.9: pairs of what the address grows by and then the line, signed.
uint32_t by_deltas(Bytes table, int64_t line, int64_t offset) {
  ByteReader reader(table);
  int64_t address = 0;
  while (reader.remaining() >= 2) {
    address += *reader.read<uint8_t>();
    if (address > offset) break;
    line += *reader.read<int8_t>();
  }
  return as_line(line);
}

/// 3.10: pairs of the length of a range and what the line is above that of the last range with one.
uint32_t by_ranges(Bytes table, int64_t line, int64_t offset) {
  constexpr int8_t kNoLine = -128;
  ByteReader reader(table);
  int64_t end = 0;
  while (reader.remaining() >= 2) {
    end += *reader.read<uint8_t>();
    const int8_t delta = *reader.read<int8_t>();
    if (delta != kNoLine) line += delta;
    if (offset < end) return delta == kNoLine ? 0 : as_line(line);
  }
  return 0;
}

/// Six bits a byte, the lowest first; another byte follows where bit 6 is set.
std::optional<int64_t> read_signed(ByteReader& reader) {
  constexpr unsigned kMostBits = 32;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < kMostBits; shift += 6) {
    const auto byte = reader.read<uint8_t>();
    if (!byte) return std::nullopt;
    value |= uint64_t{*byte & 0x3fU} << shift;
    if ((*byte & 0x40U) != 0) continue;
    const auto magnitude = static_cast<int64_t>(value >> 1U);
    return (value & 1U) != 0 ? -magnitude : magnitude;
  }
  return std::nullopt;
}

/// 3.11 on: entries of one byte, 1 | kind (4 bits) | length in code units less 1 (3 bits), and what
/// the kind has behind it, where bit 7 is never set.
uint32_t by_locations(Bytes table, int64_t line, int64_t offset) {
  enum : unsigned { kOneLine0 = 10, kOneLine2 = 12, kNoColumns = 13, kLong = 14, kNone = 15 };
  constexpr int64_t kUnit = 2;
  ByteReader reader(table);
  int64_t end = 0;
  while (const auto head = reader.read<uint8_t>()) {
    if ((*head & 0x80U) == 0) continue;  // the rest of an entry whose line is known already
    const unsigned kind = *head >> 3U & 0xfU;
    end += ((*head & 7) + 1) * kUnit;
    if (kind >= kOneLine0 && kind <= kOneLine2) line += kind - kOneLine0;
    if (kind == kNoColumns || kind == kLong) {
      const auto delta = read_signed(reader);
      if (!delta) return 0;
      line += *delta;
    }
    if (offset < end) return kind == kNone ? 0 : as_line(line);
  }
  return 0;
}

}  // namespace

uint32_t python_line(python_version version, Bytes table, uint32_t first_line, int32_t offset) {
  if (offset < 0) return as_line(first_line);
  switch (version) {
    case PYTHON_3_9:
      return by_deltas(table, first_line, offset);
    case PYTHON_3_10:
      return by_ranges(table, first_line, offset);
    case PYTHON_3_11:
    case PYTHON_3_12:
    case PYTHON_3_13:
      return by_locations(table, first_line, offset);
    default:
      return 0;
  }
}

}  // namespace hostlens::symbols
