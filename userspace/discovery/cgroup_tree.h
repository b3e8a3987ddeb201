// SPDX-License-Identifier: Apache-2.0
// The unified cgroup hierarchy as directories (kernel documentation, admin-guide/cgroup-v2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hostlens::discovery {

/// Where cgroup2 is mounted, by the text of /proc/self/mountinfo (proc_pid_mountinfo(5)): the first
/// such mount of the whole hierarchy, beside v1 usually /sys/fs/cgroup/unified. nullopt: nowhere.
[[nodiscard]] std::optional<std::string> find_unified_mount(std::string_view mountinfo);

struct CgroupWalk {
  size_t directories = 0;  ///< looked at
  bool complete = true;    ///< false: there were more than wanted
};

/// Every cgroup below the mount point, the root too, with the number that BPF programs know it by
/// (bpf_get_current_cgroup_id): on 64 bit its inode. A leaf costs one stat, an inner one a reading
/// of its directory. `path` is "/" or "/system.slice/nginx.service" and valid during the call.
CgroupWalk walk_cgroups(const std::string& mount_point, size_t most,
                        const std::function<void(uint64_t id, std::string_view path)>& use);

}  // namespace hostlens::discovery
