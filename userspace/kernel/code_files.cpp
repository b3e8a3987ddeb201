// SPDX-License-Identifier: Apache-2.0
#include "kernel/code_files.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>

namespace hostlens::kernel {
namespace {

std::string map_file(model::ProcessKey process, uint64_t start, uint64_t limit) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%u/map_files/%llx-%llx", process.pid,
                static_cast<unsigned long long>(start), static_cast<unsigned long long>(limit));
  return path;
}

std::string root_of(model::ProcessKey process) {
  return "/proc/" + std::to_string(process.pid) + "/root";
}

/// "": it cannot be read or is too long.
std::string target_of(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  if (size <= 0 || static_cast<size_t>(size) == sizeof target) return {};
  return {target, static_cast<size_t>(size)};
}

/// Not to parse it: so that a name which a worker made up gets at no other kind of file.
bool is_elf(const base::UniqueFd& file) {
  char magic[SELFMAG];
  return ::pread(file.get(), magic, sizeof magic, 0) == static_cast<ssize_t>(sizeof magic) &&
         std::memcmp(magic, ELFMAG, sizeof magic) == 0;
}

}  // namespace

base::Result<base::UniqueFd> LocalCodeFiles::open_code(model::ProcessKey process, uint64_t start,
                                                       uint64_t limit) {
  // The kernel's own link to the mapped file: no path is walked, so none can be swapped.
  const std::string path = map_file(process, start, limit);
  struct stat status {};
  // Looked at first: to open a device may have an effect.
  if (::stat(path.c_str(), &status) != 0) return base::errno_error("look at " + path);
  if (!S_ISREG(status.st_mode)) return base::errno_error("open " + path, ENOENT);
  base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return base::errno_error("open " + path);
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return base::errno_error("open " + path, ENOENT);
  }
  return file;
}

base::Result<base::UniqueFd> LocalCodeFiles::open_debug_symbols(
    const std::optional<model::ProcessKey>& process, std::string_view build_id) {
  if (build_id.size() < 4 || build_id.find_first_not_of("0123456789abcdef") != build_id.npos) {
    return base::invalid_error("this is no build id");
  }
  const std::string root = process ? root_of(*process) : "/";
  return open_below(root, "/usr/lib/debug/.build-id/" + std::string(build_id.substr(0, 2)) + "/" +
                              std::string(build_id.substr(2)) + ".debug");
}

base::Result<base::UniqueFd> LocalCodeFiles::open_linked_debug_file(model::ProcessKey process,
                                                                    uint64_t start, uint64_t limit,
                                                                    DebugFolder folder,
                                                                    std::string_view name) {
  if (!is_file_name(name)) return base::invalid_error("this is no name of a file");
  const std::string root = root_of(process);
  const std::string path =
      linked_debug_path(target_of(map_file(process, start, limit)), target_of(root), folder, name);
  if (path.empty()) return base::errno_error("find the folder of a debug file", ENOENT);
  auto file = open_below(root, path);
  if (file && !is_elf(*file)) return base::errno_error("open " + path, ENOENT);
  return file;
}

base::Result<base::UniqueFd> LocalCodeFiles::open_kernel_symbols() {
  base::UniqueFd file(::open("/proc/kallsyms", O_RDONLY | O_CLOEXEC));
  if (!file) return base::errno_error("open /proc/kallsyms");
  return file;
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

std::string linked_debug_path(std::string_view file, std::string_view root, DebugFolder folder,
                              std::string_view name) {
  // A root that chroot(2) made is a prefix; that of a container is its mount namespace's: "/".
  if (root != "/") {
    if (root.empty() || !file.starts_with(root)) return {};
    file.remove_prefix(root.size());
  }
  if (!file.starts_with('/')) return {};
  const std::string_view own = file.substr(0, file.rfind('/') + 1);
  switch (folder) {
    case DebugFolder::kBeside:
      // Met where packagers forgot to rename it.
      return file.substr(own.size()) == name ? std::string() : std::string(own).append(name);
    case DebugFolder::kDotDebug:
      return std::string(own).append(".debug/").append(name);
    case DebugFolder::kDebugRoot:
      return std::string("/usr/lib/debug").append(own).append(name);
  }
  return {};
}

base::Result<base::UniqueFd> open_below(const std::string& root, const std::string& path) {
  const base::UniqueFd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return base::errno_error("open " + root);
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const base::UniqueFd place(
      static_cast<int>(::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how)));
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0) return base::errno_error("open " + path);
  // Looked at first: to open a device may have an effect.
  if (!S_ISREG(status.st_mode)) return base::errno_error("open " + path, ENOENT);
  const std::string again = "/proc/self/fd/" + std::to_string(place.get());
  base::UniqueFd file(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return base::errno_error("open " + path);
  return file;
}

}  // namespace hostlens::kernel
