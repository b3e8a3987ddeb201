// SPDX-License-Identifier: Apache-2.0
// The vDSO's ELF image, from this process: the kernel maps the same pages into all of the host.
#pragma once

#include "base/result.h"
#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

/// A copy of at most 64 KiB. kNotFound when the kernel gave none (vdso=0).
[[nodiscard]] base::Result<ElfView> open_own_vdso();

}  // namespace hostlens::symbols
