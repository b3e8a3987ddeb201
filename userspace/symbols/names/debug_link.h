// SPDX-License-Identifier: Apache-2.0
// Where the symbols of a stripped file may lie, and whether a file found there is the right one.
// The rules are those of gdb's manual, "Debugging Information in Separate Files".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernel/code_files.h"
#include "symbols/elf/elf_view.h"

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
using DebugFilePlace = std::variant<DebugFileByBuildId, DebugFileByLink>;

/// Places to look at, best first; `build_id` may be empty.
[[nodiscard]] std::vector<DebugFilePlace> debug_file_places(std::string_view build_id,
                                                            const std::optional<DebugLink>& link);

/// Whether `debug` belongs to the file of that build id and link: by the build id where both have
/// one, else by the CRC, for which up to `crc_bytes` of it are read.
[[nodiscard]] bool is_debug_file_of(const ElfView& debug, std::string_view build_id,
                                    const std::optional<DebugLink>& link,
                                    uint64_t crc_bytes = 256U << 20);

}  // namespace hostlens::symbols
