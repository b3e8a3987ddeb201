// SPDX-License-Identifier: Apache-2.0
#include "kernel/local_host_access.h"

#include <fcntl.h>

#include <array>
#include <charconv>
#include <string_view>

#include "kernel/java_release.h"
#include "kernel/memory_file.h"
#include "kernel/perf_map_file.h"
#include "kernel/socket_inodes.h"

namespace hostlens::kernel {
namespace {

/// Of one perf map: see symbols::PerfMapLimits, which is met first.
constexpr uint64_t kMostPerfMapBytes = 64U << 20;

using base::Error;
using base::Result;
using base::UniqueFd;

constexpr size_t kStatBytes = 1024;

Result<UniqueFd> open_path(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return base::errno_error("open " + path);
  return fd;
}

/// Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses.
uint64_t start_ticks(std::string_view stat) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  stat.remove_prefix(name_end + 1);
  constexpr int kSpacesBefore = 20;  // field 3 follows the first one
  for (int i = 0; i < kSpacesBefore; ++i) {
    const size_t space = stat.find(' ');
    if (space == std::string_view::npos) return 0;
    stat.remove_prefix(space + 1);
  }
  uint64_t ticks = 0;
  std::from_chars(stat.data(), stat.data() + stat.size(), ticks);
  return ticks;
}

Error gone(uint32_t pid) {
  return Error{Error::Kind::kNotFound, 0, "process " + std::to_string(pid) + " has ended", {}};
}

}  // namespace

std::string LocalHostAccess::process_path(uint32_t pid) const {
  return proc_root_ + "/" + std::to_string(pid);
}

Result<void> LocalHostAccess::check_identity(model::ProcessKey key) const {
  auto fd = open_path(process_path(key.pid) + "/stat", O_RDONLY);
  if (!fd) return gone(key.pid);
  std::array<char, kStatBytes> text{};
  const ssize_t length = ::read(fd->get(), text.data(), text.size());
  if (length <= 0) return gone(key.pid);
  const uint64_t ticks = start_ticks({text.data(), static_cast<size_t>(length)});
  if (key.start_ticks != 0 && ticks != key.start_ticks) return gone(key.pid);
  return {};
}

Result<UniqueFd> LocalHostAccess::open_process_file(model::ProcessKey key, ProcessFile what) {
  const std::string path = process_path(key.pid);
  Result<UniqueFd> opened = base::invalid_error("no such kind of process file");
  switch (what) {
    case ProcessFile::kEnviron:
      opened = open_path(path + "/environ", O_RDONLY);
      break;
    case ProcessFile::kExecutable:
      opened = open_path(path + "/exe", O_RDONLY);
      break;
    case ProcessFile::kCommandLine:
      opened = open_path(path + "/cmdline", O_RDONLY);
      break;
    case ProcessFile::kCgroup:
      opened = open_path(path + "/cgroup", O_RDONLY);
      break;
    case ProcessFile::kStat:
      opened = open_path(path + "/stat", O_RDONLY);
      break;
    case ProcessFile::kSocketTables:
      opened = open_path(path + "/net", O_RDONLY | O_DIRECTORY);
      break;
    case ProcessFile::kFileDescriptors:
      opened = open_path(path + "/fd", O_RDONLY | O_DIRECTORY);
      break;
    case ProcessFile::kSocketInodes:
      opened = list_socket_inodes(path + "/fd");
      break;
    case ProcessFile::kIo:
      opened = copy_process_io(path + "/io");
      break;
    case ProcessFile::kMaps:
      opened = open_path(path + "/maps", O_RDONLY);
      break;
    case ProcessFile::kJavaRelease:
      opened = open_java_release(path);
      break;
    case ProcessFile::kPerfMap:
      opened = open_perf_map(path, kMostPerfMapBytes);
      break;
  }
  if (!opened) return opened;
  // After the opening: what was opened then belongs to the process that still lives now.
  if (auto same = check_identity(key); !same) return std::move(same).error();
  return opened;
}

Result<void> LocalHostAccess::set_target(model::ProcessKey key, bool is_target) {
  if (auto same = check_identity(key); !same) return same;
  if (auto set = targets_.set_process(key.pid, is_target); !set) return set;
  if (!is_target) return {};
  // It may have ended in between, and the kernel cleared its bit before we set it: the number's
  // next owner must not inherit that.
  auto same = check_identity(key);
  if (!same) (void)targets_.set_process(key.pid, false);
  return same;
}

Result<void> LocalHostAccess::set_target_cgroup(uint64_t cgroup_id, bool is_target) {
  return targets_.set_cgroup(cgroup_id, is_target);
}

}  // namespace hostlens::kernel
