// SPDX-License-Identifier: Apache-2.0
#include "kernel/code_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace hostlens::kernel {

base::Result<base::UniqueFd> LocalCodeFiles::open_code(model::ProcessKey process, uint64_t start,
                                                       uint64_t limit) {
  // The kernel's own link to the mapped file: no path is walked, so none can be swapped.
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%u/map_files/%llx-%llx", process.pid,
                static_cast<unsigned long long>(start), static_cast<unsigned long long>(limit));
  struct stat status {};
  // Looked at first: to open a device may have an effect.
  if (::stat(path, &status) != 0) return base::errno_error(std::string("look at ") + path);
  if (!S_ISREG(status.st_mode)) return base::errno_error(std::string("open ") + path, ENOENT);
  base::UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return base::errno_error(std::string("open ") + path);
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return base::errno_error(std::string("open ") + path, ENOENT);
  }
  return file;
}

base::Result<base::UniqueFd> LocalCodeFiles::open_debug_symbols(
    const std::optional<model::ProcessKey>& process, std::string_view build_id) {
  if (build_id.size() < 4 || build_id.find_first_not_of("0123456789abcdef") != build_id.npos) {
    return base::invalid_error("this is no build id");
  }
  const std::string root = process ? "/proc/" + std::to_string(process->pid) + "/root" : "/";
  return open_below(root, "/usr/lib/debug/.build-id/" + std::string(build_id.substr(0, 2)) + "/" +
                              std::string(build_id.substr(2)) + ".debug");
}

base::Result<base::UniqueFd> LocalCodeFiles::open_kernel_symbols() {
  base::UniqueFd file(::open("/proc/kallsyms", O_RDONLY | O_CLOEXEC));
  if (!file) return base::errno_error("open /proc/kallsyms");
  return file;
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
