// SPDX-License-Identifier: Apache-2.0
// Everything about other processes that needs privilege, as one narrow interface.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/process_key.h"

namespace hostlens::kernel {

/// What of a process may be opened. Append only: the value travels between supervisor and worker.
enum class ProcessFile : uint8_t {
  kEnviron = 0,      ///< /proc/PID/environ
  kExecutable = 1,   ///< the file behind /proc/PID/exe
  kCommandLine = 2,  ///< /proc/PID/cmdline
  kCgroup = 3,       ///< /proc/PID/cgroup
  kStat = 4,         ///< /proc/PID/stat
  kSocketTables =
      5,  ///< /proc/PID/net as a directory descriptor (O_PATH-like, for tcp, tcp6, unix)
  kFileDescriptors = 6,  ///< /proc/PID/fd as a directory descriptor
  kSocketInodes =
      7,    ///< a memory file: the inode number (u64, host order) of every socket it holds
  kIo = 8,  ///< a memory file: the text of /proc/PID/io, which the kernel shows at every read only
            ///< to who may trace the process, so that a passed descriptor would tell nothing
  kMaps = 9,  ///< /proc/PID/maps
  kJavaRelease =
      10,         ///< the file `release` of the JVM that the process runs: kernel/java_release.h
  kPerfMap = 11,  ///< names of the code that it makes at run time: kernel/perf_map_file.h
};

/// Implemented by kernel::LocalHostAccess (the supervisor, acts itself) and by the worker's channel
/// to the supervisor (asks). Discovery uses it and cannot tell which one it has. Blocking but
/// local: answers within microseconds, or an error when the supervisor is gone. The former is
/// called from one thread only, the latter from any.
class HostAccess {
 public:
  virtual ~HostAccess() = default;

  /// Read-only descriptor. `key.start_ticks` guards against a reused pid (0: do not check);
  /// kNotFound when that process is gone.
  virtual base::Result<base::UniqueFd> open_process_file(model::ProcessKey key,
                                                         ProcessFile what) = 0;

  /// Makes a process a target of payload capture, or takes that back. Children forked later
  /// inherit.
  virtual base::Result<void> set_target(model::ProcessKey key, bool is_target) = 0;

  /// Every process that executes a program inside this cgroup (v2 id) becomes a target in the
  /// kernel, before its first instruction.
  virtual base::Result<void> set_target_cgroup(uint64_t cgroup_id, bool is_target) = 0;

  /// Observes all system calls of targets for so long, at most ten minutes: every call of the host
  /// gets dearer meanwhile. kUnsupported: this kernel refuses the hooks.
  virtual base::Result<void> watch_system_calls(uint64_t /*duration_ns*/) {
    return base::Error{base::Error::Kind::kUnsupported, 0, "system calls cannot be observed here",
                       "`hostlens doctor` says why"};
  }

  /// From now on profiles take a random one in so many samples of CPUs, 1 to kMostOneIn, each of
  /// which stands for all. kUnsupported: nothing is sampled.
  virtual base::Result<void> take_one_sample_in(uint32_t /*count*/) {
    return base::Error{base::Error::Kind::kUnsupported, 0, "no CPU is sampled here", ""};
  }
  static constexpr uint32_t kMostOneIn = 1024;
};

}  // namespace hostlens::kernel
