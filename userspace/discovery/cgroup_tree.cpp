// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <vector>

namespace hostlens::discovery {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

/// The mount point when the line is a mount of the whole unified hierarchy. The kernel writes a
/// blank in a path as "\040"; nobody mounts cgroups there, so it is not undone.
std::optional<std::string_view> unified_mount_point(std::string_view line) {
  for (int i = 0; i < 3; ++i) next_word(line);  // mount id, parent's id, device
  const std::string_view root = next_word(line);
  const std::string_view point = next_word(line);
  const size_t separator = line.find(" - ");
  if (separator == std::string_view::npos || root != "/" || !point.starts_with('/')) {
    return std::nullopt;
  }
  line.remove_prefix(separator + 3);
  return next_word(line) == "cgroup2" ? std::optional(point) : std::nullopt;
}

}  // namespace

std::optional<std::string> find_unified_mount(std::string_view mountinfo) {
  while (!mountinfo.empty()) {
    const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    if (const auto point = unified_mount_point(line)) return std::string(*point);
  }
  return std::nullopt;
}

CgroupWalk walk_cgroups(const std::string& mount_point, size_t most,
                        const std::function<void(uint64_t id, std::string_view path)>& use) {
  CgroupWalk walk;
  struct stat status {};
  if (most == 0 || ::stat(mount_point.c_str(), &status) != 0) return walk;
  use(status.st_ino, "/");
  walk.directories = 1;
  std::vector<std::string> to_read{""};  // paths without the mount point; the root is ""
  while (!to_read.empty()) {
    const std::string parent = std::move(to_read.back());
    to_read.pop_back();
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir((mount_point + parent).c_str()));
    if (directory == nullptr) continue;  // removed meanwhile
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) || name == "." || name == "..") {
        continue;
      }
      if (walk.directories >= most) {
        walk.complete = false;
        return walk;
      }
      if (::fstatat(::dirfd(directory.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISDIR(status.st_mode)) {
        continue;
      }
      ++walk.directories;
      std::string path = parent + "/" + entry->d_name;
      use(status.st_ino, path);
      // Of cgroup2 the number of links is that of the directories below and two.
      if (status.st_nlink != 2 && path.size() < PATH_MAX) to_read.push_back(std::move(path));
    }
  }
  return walk;
}

}  // namespace hostlens::discovery
