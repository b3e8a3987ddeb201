// SPDX-License-Identifier: Apache-2.0
// /proc/PID/mountinfo, and which of the mounts are file systems whose space is worth telling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostlens::scrapers {

struct Mount {
  uint32_t major = 0, minor = 0;  ///< of the file system, as in st_dev (not on btrfs)
  std::string root;               ///< what of the file system is mounted; "/": all
  std::string point;              ///< where, octal escapes undone
  std::string type;               ///< "ext4"
  std::string source;             ///< "/dev/vda", "server:/export"
  std::string options;            ///< of the superblock: "rw,cpu,cpuacct"
  bool read_only = false;
  bool operator==(const Mount&) const = default;
};

/// Most mounts that are looked at: container hosts have thousands, of which few are file systems.
inline constexpr size_t kMaxMounts = 20'000;
/// proc_pid_mountinfo(5). Lines that are none are left out and counted in `garbage`.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text, size_t& garbage);

/// "\040" -> " ": how the kernel writes blanks, tabs, newlines and backslashes in such files.
[[nodiscard]] std::string without_escapes(std::string_view text);

/// Neither of a virtual type nor below a directory of the kernel or of container runtimes. A root
/// directory that is an overlay (the agent in a container) does count.
[[nodiscard]] bool holds_files(const Mount& mount);

/// One mount of each file system (bind mounts share its device), not covered by a later mount on
/// the same point; the first mount of the whole file system if there is one. In order of the table.
[[nodiscard]] std::vector<Mount> distinct_file_systems(std::vector<Mount> mounts);

}  // namespace hostlens::scrapers
