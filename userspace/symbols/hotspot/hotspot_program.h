// SPDX-License-Identifier: Apache-2.0
// libjvm.so of a running JVM: what it says of itself, and where its code cache is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "records/hotspot.h"
#include "symbols/elf/elf_view.h"
#include "symbols/hotspot/process_words.h"
#include "symbols/hotspot/vm_structs.h"

namespace hostlens::symbols {

/// ELF virtual addresses of what HotSpot exports.
struct HotspotProgram {
  uint64_t structs = 0;                         ///< gHotSpotVMStructs: a pointer
  uint64_t types = 0;                           ///< gHotSpotVMTypes: a pointer
  uint64_t struct_stride = 0, type_stride = 0;  ///< of their entries: uint64_t
};

/// nullopt: another file. A millisecond.
[[nodiscard]] std::optional<HotspotProgram> read_hotspot_program(const ElfView& elf,
                                                                 std::string_view path);

/// Once per file, from the first process that has it loaded: some milliseconds. nullopt: it is not
/// ready yet, or is no JVM that is known.
[[nodiscard]] std::optional<HotspotLayout> read_hotspot_layout(const HotspotProgram& program,
                                                               const ElfView& elf, uint64_t bias,
                                                               ProcessWords& words);

/// nullopt: the JVM has not made it yet, or what is there makes no sense. Does not change later.
[[nodiscard]] std::optional<hotspot_space> read_code_cache(const HotspotLayout& layout,
                                                           uint64_t bias, ProcessWords& words);

}  // namespace hostlens::symbols
