// SPDX-License-Identifier: Apache-2.0
#include "kernel/perf_map_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

namespace hostlens::kernel {
namespace {

using base::Error;
using base::Result;
using base::UniqueFd;

/// The given word, counted from 0 or from the end by -1, of the line that begins with `label`.
std::optional<uint32_t> number_of(std::string_view status, std::string_view label, int which) {
  size_t begin = status.starts_with(label) ? 0 : status.find('\n' + std::string(label));
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view line = status.substr(begin == 0 ? 0 : begin + 1);
  line = line.substr(label.size(), line.find('\n') - label.size());
  std::optional<uint32_t> found;
  for (int index = 0; !line.empty(); ++index) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    uint32_t value = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), value);
    if (parsed.ec != std::errc{}) break;
    line.remove_prefix(static_cast<size_t>(parsed.ptr - line.data()));
    if (which < 0 || index == which) found = value;
  }
  return found;
}

Result<std::string> read_status(const std::string& process_path) {
  const UniqueFd file(::open((process_path + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return base::errno_error("open " + process_path + "/status");
  std::array<char, 4096> text;
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  if (count < 0) return base::errno_error("read " + process_path + "/status");
  return std::string(text.data(), static_cast<size_t>(count));
}

}  // namespace

Result<PerfMapOwner> parse_perf_map_owner(std::string_view status) {
  const auto inner = number_of(status, "NSpid:", -1);
  const auto user = number_of(status, "Uid:", 1);  // real, effective, saved, of the file system
  if (!inner || !user) return base::invalid_error("process status: no NSpid or Uid");
  return PerfMapOwner{.inner_pid = *inner, .user = *user};
}

Result<UniqueFd> open_perf_map(const std::string& process_path, uint64_t limit_bytes) {
  const auto status_text = read_status(process_path);
  if (!status_text) return Error(status_text.error());
  const auto owner = parse_perf_map_owner(*status_text);
  if (!owner) return Error(owner.error());
  const UniqueFd root(::open((process_path + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::errno_error("open " + process_path + "/root");
  const std::string path = "/tmp/perf-" + std::to_string(owner.value().inner_pid) + ".map";
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  UniqueFd file(
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  if (!file && errno == ELOOP) {
    return Error{Error::Kind::kDenied, ELOOP, "open " + path + ": a symbolic link", {}};
  }
  if (!file) return base::errno_error("open " + path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return base::errno_error("look at " + path);
  if (!S_ISREG(status.st_mode)) return base::invalid_error(path + ": not a regular file");
  if (status.st_uid != 0 && status.st_uid != owner.value().user) {
    return Error{Error::Kind::kDenied, 0, path + ": not owned by the process's user or root", {}};
  }
  if (static_cast<uint64_t>(status.st_size) > limit_bytes) {
    return Error{Error::Kind::kBusy, 0, path + ": over its limit", {}};
  }
  return file;
}

}  // namespace hostlens::kernel
