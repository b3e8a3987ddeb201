// SPDX-License-Identifier: Apache-2.0
// The GNU build id among ELF notes.
#pragma once

#include <string>

#include "base/byte_reader.h"

namespace hostlens::symbols {

/// `notes` are the contents of a PT_NOTE segment or SHT_NOTE section (gABI, "Note Section"; 4-byte
/// alignment, as the GNU notes have it in 64-bit files too). The id of the first NT_GNU_BUILD_ID as
/// lower-case hex digits; empty without one, or if it has over 64 bytes.
[[nodiscard]] std::string build_id_of_notes(base::Bytes notes);

}  // namespace hostlens::symbols
