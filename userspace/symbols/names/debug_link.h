// SPDX-License-Identifier: Apache-2.0
// Where the symbols of a stripped file may lie, and whether a file found there is the right one.
// The rules are those of gdb's manual, "Debugging Information in Separate Files".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/unique_fd.h"
#include "kernel/code_files.h"
#include "model/process_key.h"
#include "symbols/elf/elf_view.h"
#include "symbols/names/refusals.h"

namespace hostlens::symbols {

/// Contents of .gnu_debuglink: a file's base name and the CRC-32 of all its bytes.
struct DebugLink {
  std::string name;
  uint32_t crc = 0;
};

/// Nullopt without one, or when it is broken or its name is no plain base name.
[[nodiscard]] std::optional<DebugLink> parse_debug_link(base::Bytes contents);
[[nodiscard]] std::optional<DebugLink> debug_link_of(const ElfView& elf);

/// Below /usr/lib/debug/.build-id of the host or of the process's own root.
struct DebugFileByBuildId {
  std::string build_id;
  bool of_host = false;
  bool operator==(const DebugFileByBuildId&) const = default;
};
/// Where the module itself lies, or in a folder that is told by that.
struct DebugFileByLink {
  kernel::DebugFolder folder = kernel::DebugFolder::kBeside;
  std::string name;
  bool operator==(const DebugFileByLink&) const = default;
};
/// What a server gave for this build id, or will: symbols/debuginfod.
struct DebugFileOfServer {
  std::string build_id;
  bool operator==(const DebugFileOfServer&) const = default;
};
using DebugFilePlace = std::variant<DebugFileByBuildId, DebugFileByLink, DebugFileOfServer>;

/// Places of this host to look at, best first; `build_id` may be empty.
[[nodiscard]] std::vector<DebugFilePlace> debug_file_places(std::string_view build_id,
                                                            const std::optional<DebugLink>& link);

/// Whether `debug` belongs to the file of that build id and link: by the build id where both have
/// one, else by the CRC, for which up to `crc_bytes` of it are read.
[[nodiscard]] bool is_debug_file_of(const ElfView& debug, std::string_view build_id,
                                    const std::optional<DebugLink>& link,
                                    uint64_t crc_bytes = 256U << 20);

struct DebugFile {
  ElfView elf;
  base::UniqueFd descriptor;  ///< the same file, for libdw
};

/// Most places have none.
using OpenDebugFile = std::function<base::Result<base::UniqueFd>(const DebugFilePlace&)>;

/// The first that belongs to `elf`; what was found and does not is counted. A server comes last,
/// and not at all where the file has its own names compressed.
[[nodiscard]] std::optional<DebugFile> find_debug_file(const ElfView& elf,
                                                       const OpenDebugFile& open,
                                                       Refusals& refusals);

/// Asks for such a place near a mapping of a process.
[[nodiscard]] base::Result<base::UniqueFd> open_debug_file(kernel::CodeFiles& files,
                                                           const model::ProcessKey& process,
                                                           uint64_t start, uint64_t limit,
                                                           const DebugFilePlace& place);

}  // namespace hostlens::symbols
