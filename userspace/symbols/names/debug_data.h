// SPDX-License-Identifier: Apache-2.0
// Symbols that travel with a stripped file: the section .gnu_debugdata, an ELF file of its own,
// compressed by xz ("mini debug info" of Fedora and its kin).
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_reader.h"
#include "base/result.h"
#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

struct DebugDataLimits {
  uint64_t compressed_bytes = 16U << 20;
  uint64_t bytes = 64U << 20;             ///< decompressed; libLLVM's would have 10 MiB
  uint64_t dictionary_bytes = 80U << 20;  ///< liblzma's memory; xz -9 asks for 65 MiB
};

/// The bytes of one xz stream. kBusy when they or the decoder's memory are over a limit: memory
/// grows with what comes out. kInvalid when the stream is broken, truncated or followed by more.
[[nodiscard]] base::Result<std::vector<std::byte>> decompress_xz(
    base::Bytes compressed, const DebugDataLimits& limits = {});

/// The ELF file inside; kNotFound when `elf` has none.
[[nodiscard]] base::Result<ElfView> open_debug_data(const ElfView& elf,
                                                    const DebugDataLimits& limits = {});

}  // namespace hostlens::symbols
