// SPDX-License-Identifier: Apache-2.0
// A memory cgroup of the tests' own, of version 1 or 2. Who fills it must be unable to fill the
// host should the limit not hold: see bounded().
#pragma once

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "base/unique_fd.h"

namespace hostlens::testing {

class MemoryCgroup {
 public:
  static constexpr char kName[] = "hostlens-memory-test";

  /// null: `why_not`. It is removed with this; its processes must have ended.
  static std::unique_ptr<MemoryCgroup> make(uint64_t limit_bytes, std::string& why_not) {
    std::unique_ptr<MemoryCgroup> group(new MemoryCgroup);
    std::string root = "/sys/fs/cgroup/memory/";
    if (is_on("/sys/fs/cgroup/", CGROUP2_SUPER_MAGIC)) {
      group->unified_ = true;
      root = "/sys/fs/cgroup/";
      (void)write(root + "cgroup.subtree_control", "+memory");
    } else if (!is_on(root, CGROUP_SUPER_MAGIC)) {
      why_not = "no memory cgroups are mounted in /sys/fs/cgroup";
      return nullptr;
    }
    if (::mkdir((root + kName).c_str(), 0755) != 0) {
      why_not = "no memory cgroup may be made: " + std::string(std::strerror(errno));
      return nullptr;
    }
    group->path_ = root + kName + "/";
    const std::string limit =
        group->path_ + (group->unified_ ? "memory.max" : "memory.limit_in_bytes");
    const bool limited = write(limit, std::to_string(limit_bytes));
    // Nothing goes to swap instead. Not every kernel has it.
    (void)write(group->path_ + (group->unified_ ? "memory.swap.max" : "memory.swappiness"), "0");
    if (limited && number(limit) == limit_bytes) return group;
    why_not = "the limit of a memory cgroup cannot be set";
    return nullptr;
  }
  ~MemoryCgroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;

  /// False: the caller is not in it.
  [[nodiscard]] bool join() const {
    return write(path_ + "cgroup.procs", std::to_string(::getpid()));
  }
  /// From now on the caller gets no more than so much address space beyond what it has: false when
  /// that cannot be had.
  [[nodiscard]] static bool bounded(uint64_t more_bytes) {
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const uint64_t most = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) + more_bytes;
    const rlimit limit{most, most};
    return pages > 0 && ::setrlimit(RLIMIT_AS, &limit) == 0;
  }
  [[nodiscard]] bool unified() const { return unified_; }
  [[nodiscard]] uint64_t kills() const {
    return word(unified_ ? "memory.events" : "memory.oom_control", "oom_kill");
  }
  /// How often it was at its limit.
  [[nodiscard]] uint64_t times_full() const {
    return unified_ ? word("memory.events", "max") : number(path_ + "memory.failcnt");
  }

 private:
  MemoryCgroup() = default;

  static bool is_on(const std::string& path, long kind) {
    struct statfs facts {};
    return ::statfs(path.c_str(), &facts) == 0 && facts.f_type == kind;
  }
  /// Never makes a file: on a file system that is no cgroup's it would be an ordinary one.
  static bool write(const std::string& path, const std::string& text) {
    const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  static uint64_t number(const std::string& path) {
    uint64_t value = 0;
    std::ifstream(path) >> value;
    return value;
  }
  [[nodiscard]] uint64_t word(const std::string& file, const std::string& key) const {
    std::ifstream lines(path_ + file);
    uint64_t value = 0;
    for (std::string name; lines >> name >> value;) {
      if (name == key) return value;
    }
    return 0;
  }

  std::string path_;
  bool unified_ = false;
};

}  // namespace hostlens::testing
