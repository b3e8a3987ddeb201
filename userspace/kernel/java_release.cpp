// SPDX-License-Identifier: Apache-2.0
#include "kernel/java_release.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>

namespace hostlens::kernel {

using base::Result;
using base::UniqueFd;

Result<UniqueFd> open_java_release(const std::string& process_path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink((process_path + "/exe").c_str(), target.data(), target.size());
  if (size <= 0) return base::errno_error("read " + process_path + "/exe");
  std::string path(target.data(), static_cast<size_t>(size));
  path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  if (!path.ends_with("/bin")) return base::errno_error("find a release file", ENOENT);
  path.resize(path.size() - 3);
  path += "release";
  const UniqueFd root(::open((process_path + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::errno_error("open " + process_path + "/root");
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd file(
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  if (!file) return base::errno_error("open " + path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return base::errno_error("open " + path, ENOENT);
  }
  return file;
}

}  // namespace hostlens::kernel
