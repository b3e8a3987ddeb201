// SPDX-License-Identifier: Apache-2.0
#include "scrapers/cgroup_paths.h"

#include "scrapers/text_fields.h"

namespace hostlens::scrapers {
namespace {

constexpr size_t kMaxMembershipBytes = 16 * 1024;
constexpr std::array<std::string_view, kCgroupParts> kControllers = {"cpu",   "cpuacct", "memory",
                                                                     "blkio", "pids",    ""};

/// "cpu" in "rw,cpu,cpuacct".
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(','));
    if (entry == word) return true;
    list.remove_prefix(std::min(entry.size() + 1, list.size()));
  }
  return false;
}

bool climbs(std::string_view path) {
  return path == "/.." || path.starts_with("/../") || path.ends_with("/..") ||
         path.find("/../") != std::string_view::npos;
}

/// `path` in the hierarchy that is mounted there; "" when it is not below what is mounted, or all
/// of it.
std::string directory_of(const Mount& mount, std::string_view path, const std::string& root) {
  if (!path.starts_with('/') || climbs(path)) return {};
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return {};
    path.remove_prefix(mount.root.size());
    if (!path.empty() && path.front() != '/') return {};
  }
  if (path.empty() || path == "/") return {};
  return root + mount.point + std::string(path);
}

/// The path on the line of a controller ("": the unified one).
std::optional<std::string_view> path_on_line(std::string_view membership,
                                             std::string_view controller) {
  while (!membership.empty()) {
    const std::string_view line = membership.substr(0, membership.find('\n'));
    membership.remove_prefix(std::min(line.size() + 1, membership.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool here = controller.empty() ? controllers.empty() : has_word(controllers, controller);
    if (here) return line.substr(second + 1);
  }
  return std::nullopt;
}

}  // namespace

CgroupHierarchies::CgroupHierarchies(const std::vector<Mount>& mounts) {
  for (const Mount& mount : mounts) {
    if (mount.type == "cgroup") v1_.push_back(mount);
    if (mount.type == "cgroup2" && !v2_) v2_ = mount;
  }
}

const Mount* CgroupHierarchies::of_v1(std::string_view controller) const {
  if (controller.empty()) return nullptr;
  for (const Mount& mount : v1_) {
    if (has_word(mount.options, controller)) return &mount;
  }
  return nullptr;
}

CgroupDirectories CgroupHierarchies::find(std::string_view membership,
                                          const std::string& root) const {
  membership = membership.substr(0, kMaxMembershipBytes);
  const bool one_path = membership.starts_with('/');
  if (one_path) membership = membership.substr(0, membership.find('\n'));
  CgroupDirectories directories;
  for (size_t i = 0; i < directories.size(); ++i) {
    const Mount* const v1 = of_v1(kControllers[i]);
    const Mount* const mount = v1 != nullptr ? v1 : v2_ ? &*v2_ : nullptr;
    if (mount == nullptr) continue;
    const auto path =
        one_path ? std::optional<std::string_view>(membership)
                 : path_on_line(membership, v1 != nullptr ? kControllers[i] : std::string_view{});
    if (path) directories[i] = {directory_of(*mount, *path, root), v1 == nullptr};
  }
  return directories;
}

}  // namespace hostlens::scrapers
