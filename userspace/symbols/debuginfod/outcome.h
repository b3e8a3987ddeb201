// SPDX-License-Identifier: Apache-2.0
// What became of a build id that servers were asked for:
// hostlens.profile.symbols.downloads{outcome}.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbols/names/refusals.h"

namespace hostlens::symbols {

/// In the order of kDownloadNames; of several servers' the last one here is told.
enum class Download : uint8_t {
  kStored,       ///< it is in the cache
  kNotFound,     ///< no server has it
  kNoSymbols,    ///< the file that came has no symbol table
  kMismatch,     ///< it has another build id
  kBroken,       ///< it is no ELF file
  kTooLarge,     ///< over a limit; the transfer was ended there
  kCache,        ///< the cache could not be written
  kRefused,      ///< another status than 200 and 404
  kTimeout,      ///< it did not come in time
  kUnreachable,  ///< no connection, or it broke
  kCancelled,    ///< we end; not counted
};
inline constexpr std::array<std::string_view, 10> kDownloadNames = {
    "stored",    "not_found", "no_symbols", "mismatch", "broken",
    "too_large", "cache",     "refused",    "timeout",  "unreachable"};
using DownloadCounts = std::array<uint64_t, kDownloadNames.size()>;

/// Whether it may be another answer in a while: the file is not to blame.
[[nodiscard]] constexpr bool is_passing(Download outcome) { return outcome >= Download::kCache; }

/// Files that came and gave no names, for hostlens.profile.symbols.refused.
void count_refused(const DownloadCounts& counts, Refusals& refusals);

}  // namespace hostlens::symbols
