// SPDX-License-Identifier: Apache-2.0
// Where a cgroup's files are: v1, v2 and both side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scrapers/mount_table.h"

namespace hostlens::scrapers {

/// What has a directory of its own in v1. Pressure is of v2 alone.
enum class CgroupPart : uint8_t { kCpu, kCpuTime, kMemory, kIo, kProcesses, kPressure };
inline constexpr size_t kCgroupParts = 6;

struct CgroupDirectory {
  std::string path;  ///< "": this cgroup has none, or it is the root, which is the whole host
  bool is_v2 = false;
  bool operator==(const CgroupDirectory&) const = default;
};
using CgroupDirectories = std::array<CgroupDirectory, kCgroupParts>;

/// The hierarchies that are mounted.
class CgroupHierarchies {
 public:
  CgroupHierarchies() = default;
  explicit CgroupHierarchies(const std::vector<Mount>& mounts);

  /// `membership` is the text of a member's /proc/PID/cgroup, or one path that is the same in all
  /// hierarchies ("/system.slice/nginx.service"). `root` comes before every mount point.
  [[nodiscard]] CgroupDirectories find(std::string_view membership, const std::string& root) const;

 private:
  [[nodiscard]] const Mount* of_v1(std::string_view controller) const;

  std::vector<Mount> v1_;
  std::optional<Mount> v2_;
};

}  // namespace hostlens::scrapers
