// SPDX-License-Identifier: Apache-2.0
// Finds and reads the sections of call frame information in an ELF file, with and without section
// headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "symbols/elf/elf_view.h"
#include "symbols/unwind/cfi_section.h"

namespace hostlens::symbols {

/// A section with its bytes; `section()` is valid as long as this is.
struct LoadedFrames {
  CfiSection::Kind kind = CfiSection::Kind::kEhFrame;
  std::vector<std::byte> bytes;
  PointerBases bases;

  [[nodiscard]] CfiSection section() const {
    return {.kind = kind, .bytes = bytes, .bases = bases};
  }
};

/// .eh_frame by its name, or by PT_GNU_EH_FRAME (LSB 5.0 Core section 10.6.2) in a file without
/// sections. An empty one is nullopt; an error is a section that is there and cannot be read, or
/// has over `limit` bytes.
[[nodiscard]] base::Result<std::optional<LoadedFrames>> load_eh_frame(const ElfView& file,
                                                                      uint64_t limit);

/// .debug_frame, compressed or not.
[[nodiscard]] base::Result<std::optional<LoadedFrames>> load_debug_frame(const ElfView& file,
                                                                         uint64_t limit);

}  // namespace hostlens::symbols
