// SPDX-License-Identifier: Apache-2.0
// The entries of a .eh_frame or .debug_frame section: CIEs and FDEs. Formats: LSB 5.0 Core
// section 10.6, DWARF 5 section 6.4.1 (CIE versions 1, 3 and 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_reader.h"
#include "symbols/unwind/pointer_encoding.h"

namespace hostlens::symbols {

/// A section's bytes with what is needed to read them. The owner of the bytes outlives it.
struct CfiSection {
  enum class Kind : uint8_t { kEhFrame, kDebugFrame };
  Kind kind = Kind::kEhFrame;
  base::Bytes bytes;  ///< below 4 GiB
  PointerBases bases;
};

/// What FDEs have in common.
struct Cie {
  uint32_t section = 0;       ///< index in FrameEntries::sections
  uint32_t instructions = 0;  ///< offset in the section
  uint32_t instructions_end = 0;
  uint64_t code_alignment = 0;
  int64_t data_alignment = 0;
  uint8_t pointer_encoding = kPointerAbsolute;
  bool has_augmentation_length = false;
  bool signal_frame = false;
  bool other_machine = false;  ///< its return address is not rip, or its addresses are not 8 bytes
};

/// The rules of [start, start + size).
struct Fde {
  uint64_t start = 0;
  uint32_t size = 0;
  uint32_t instructions = 0;
  uint32_t instructions_end = 0;
  uint32_t cie = 0;  ///< index in FrameEntries::cies
};

struct CfiLimits {
  uint32_t fdes = 2'000'000;  ///< 24 bytes each; librustc_driver has 220,000
  uint32_t cies = 65'536;
};

/// Of any number of sections, in file order.
struct FrameEntries {
  std::vector<CfiSection> sections;
  std::vector<Cie> cies;
  std::vector<Fde> fdes;
  uint64_t broken = 0;  ///< entries that could not be read: their addresses are unknown
  bool limit_reached = false;
};

/// Appends the section's entries. Work is linear in its size.
void read_entries(const CfiSection& section, const CfiLimits& limits, FrameEntries& entries);

/// Where the entries of .eh_frame end, if only their beginning is known: behind the terminator, or
/// before the first one that does not fit.
[[nodiscard]] size_t entries_end(base::Bytes eh_frame);

}  // namespace hostlens::symbols
