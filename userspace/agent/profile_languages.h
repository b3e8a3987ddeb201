// SPDX-License-Identifier: Apache-2.0
// What profiles will show of the programs that run on this host: for `hostlens doctor`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostlens::agent {

/// What is seen of a language's runtime, and what would show more of it ("": nothing).
struct ProfileOutlook {
  std::string_view seen;
  std::string_view remedy;
};

/// By process.runtime.name and .version as discovery/runtime_inspection tells them.
[[nodiscard]] ProfileOutlook profile_outlook(std::string_view runtime, std::string_view version);

struct RunningLanguage {
  std::string runtime;  ///< process.runtime.name, "native" when the file does not tell
  std::string version;  ///< may be empty
  uint64_t processes = 0;
};

/// Of all processes whose executable may be opened; most processes first. Reads some MiB of each
/// file that is executed, of at most 2,048 of them.
[[nodiscard]] std::vector<RunningLanguage> running_languages();

}  // namespace hostlens::agent
