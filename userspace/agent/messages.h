// SPDX-License-Identifier: Apache-2.0
// What supervisor and worker say to each other: typed messages of one fixed size. Either side
// checks every field of what it receives; the supervisor takes the worker for hostile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/byte_reader.h"
#include "base/result.h"
#include "kernel/code_files.h"
#include "kernel/host_access.h"
#include "model/process_key.h"

namespace hostlens::agent {

inline constexpr uint16_t kProtocolVersion = 1;
inline constexpr size_t kMessageBytes = 320;
inline constexpr uint32_t kMaxPid = 4'194'304;  ///< PID_MAX_LIMIT of a 64-bit kernel

/// Descriptors that travel with a message, in this order. Append only.
enum class FdSlot : uint8_t {
  kRequests,       ///< second socket: the worker's requests and their replies
  kSettings,       ///< sealed memory, WorkerSettings as JSON
  kLedger,         ///< sealed memory, a base::LedgerPage
  kControlRing,    ///< BPF ring
  kDataRing,       ///< BPF ring
  kCounters,       ///< BPF map, read-only
  kListen,         ///< bound and listening TCP socket
  kOtlpJson,       ///< open for appending
  kSignalControl,  ///< BPF maps of kernel signals, see probes::SignalTableFds
  kSignalDistributions0,
  kSignalDistributions1,
  kSignalCounts0,
  kSignalCounts1,
  kSignalBooks,
  kServiceCgroups,
  kListeners,        ///< link of the iterator over listeners
  kSystemCallBooks,  ///< BPF map, struct system_call_books
  kOomKills,         ///< BPF map, struct oom_kill
  kProfileRing,      ///< BPF ring and maps of the sampler, see probes::ProfileProbe::Maps
  kProfileNotices,
  kProfileBooks,
  kUnwindSlabs,
  kUnwindExecutables,
  kUnwindSpaces,
  kUnwindProcesses,
  kPythonSpaces,
  kHotspotSpaces,
  kCount
};
inline constexpr size_t kFdSlots = static_cast<size_t>(FdSlot::kCount);

/// Set of FdSlot, as bits.
class FdMask {
 public:
  constexpr FdMask() = default;
  constexpr explicit FdMask(uint32_t bits) : bits_(bits) {}
  constexpr void add(FdSlot slot) { bits_ |= 1U << static_cast<unsigned>(slot); }
  [[nodiscard]] constexpr bool has(FdSlot slot) const {
    return (bits_ >> static_cast<unsigned>(slot) & 1U) != 0;
  }
  [[nodiscard]] constexpr uint32_t bits() const { return bits_; }
  [[nodiscard]] constexpr size_t count() const {
    return static_cast<size_t>(__builtin_popcount(bits_));
  }
  [[nodiscard]] constexpr bool valid() const { return bits_ >> kFdSlots == 0; }
  bool operator==(const FdMask&) const = default;

 private:
  uint32_t bits_ = 0;
};

// Supervisor to worker.
struct Hello {
  FdMask fds;
  bool operator==(const Hello&) const = default;
};
struct Reload {
  FdMask fds;  ///< kSettings always; kListen and kOtlpJson when they changed
  uint32_t generation = 0;
  bool operator==(const Reload&) const = default;
};
/// Drain, flush, report and exit until then.
struct Stop {
  uint64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC
  bool operator==(const Stop&) const = default;
};

// Worker to supervisor.
struct Ready {
  bool operator==(const Ready&) const = default;
};
struct Reloaded {
  uint32_t generation = 0;
  bool operator==(const Reloaded&) const = default;
};
/// Once per second: whether the pipeline moves.
struct Heartbeat {
  uint64_t rounds = 0;         ///< of the worker's loop
  uint64_t records = 0;        ///< taken from the rings
  uint64_t exchanges = 0;      ///< finished
  uint64_t pending_bytes = 0;  ///< waiting in the rings
  bool operator==(const Heartbeat&) const = default;
};

// Worker to supervisor on the request socket, one at a time, each answered by one Reply.
struct OpenProcessFile {
  uint64_t id = 0;
  model::ProcessKey process;
  kernel::ProcessFile what = kernel::ProcessFile::kEnviron;
  bool operator==(const OpenProcessFile&) const = default;
};
struct SetTarget {
  uint64_t id = 0;
  model::ProcessKey process;
  bool is_target = false;
  bool operator==(const SetTarget&) const = default;
};
struct SetTargetCgroup {
  uint64_t id = 0;
  uint64_t cgroup_id = 0;
  bool is_target = false;
  bool operator==(const SetTargetCgroup&) const = default;
};
/// The stream of a container runtime's list of containers: RuntimeRelay.
struct OpenContainerList {
  uint64_t id = 0;
  uint8_t runtime = 0;  ///< its place among runtime_sockets()
  bool operator==(const OpenContainerList&) const = default;
};
/// All system calls of targets for so long.
struct WatchSystemCalls {
  uint64_t id = 0;
  uint64_t duration_ns = 0;
  bool operator==(const WatchSystemCalls&) const = default;
};
/// Memory for tables of the unwinder: kernel::SlabSource.
struct MakeSlab {
  uint64_t id = 0;
  bool operator==(const MakeSlab&) const = default;
};
/// The file behind a mapping of a process: kernel::CodeFiles.
struct OpenCode {
  uint64_t id = 0;
  model::ProcessKey process;
  uint64_t start = 0;
  uint64_t limit = 0;
  bool operator==(const OpenCode&) const = default;
};
struct BuildIdBytes {
  static constexpr size_t kMostBytes = 20;  ///< SHA-1; the rest is 0
  uint8_t size = 0;
  std::array<uint8_t, kMostBytes> bytes{};
  bool operator==(const BuildIdBytes&) const = default;
};
/// kInvalid: not the hex digits of 2 to 20 bytes.
[[nodiscard]] base::Result<BuildIdBytes> build_id_bytes(std::string_view text);
/// As lower-case hex digits.
[[nodiscard]] std::string text_of(const BuildIdBytes& build_id);

/// Debug symbols for a file of this build id, in a process's own root or the host's.
struct OpenDebugSymbols {
  uint64_t id = 0;
  model::ProcessKey process;
  bool of_host = true;  ///< then no process is looked at
  BuildIdBytes build_id;
  bool operator==(const OpenDebugSymbols&) const = default;
};
/// The file that a .gnu_debuglink names, near the file behind a mapping of a process.
struct OpenLinkedDebugFile {
  static constexpr size_t kMostBytes = 255;  ///< NAME_MAX; the rest is 0
  uint64_t id = 0;
  model::ProcessKey process;
  uint64_t start = 0;
  uint64_t limit = 0;
  kernel::DebugFolder folder = kernel::DebugFolder::kBeside;
  uint8_t size = 0;
  std::array<char, kMostBytes> name{};
  bool operator==(const OpenLinkedDebugFile&) const = default;
};
/// A file of the cache of debug files: kernel::DebugCache.
struct OpenCachedSymbols {
  uint64_t id = 0;
  BuildIdBytes build_id;
  bool operator==(const OpenCachedSymbols&) const = default;
};
/// A nameless file of that cache, to be written.
struct MakeCacheFile {
  uint64_t id = 0;
  bool operator==(const MakeCacheFile&) const = default;
};
/// The file that was made last has this build id, and stays.
struct KeepCacheFile {
  uint64_t id = 0;
  BuildIdBytes build_id;
  bool operator==(const KeepCacheFile&) const = default;
};
/// /proc/kallsyms with the supervisor's right to see addresses.
struct OpenKernelSymbols {
  uint64_t id = 0;
  bool operator==(const OpenKernelSymbols&) const = default;
};
/// A file that the operator named for what is recorded.
struct OpenOutput {
  uint64_t id = 0;
  uint32_t index = 0;
  bool operator==(const OpenOutput&) const = default;
};
/// A random one in so many samples of CPUs: HostAccess::take_one_sample_in.
struct TakeOneSampleIn {
  uint64_t id = 0;
  uint32_t count = 1;
  bool operator==(const TakeOneSampleIn&) const = default;
};
/// Memory of a process: kernel::ProcessMemory. The answer is a memory file of it.
struct ReadMemory {
  uint64_t id = 0;
  model::ProcessKey process;
  uint64_t address = 0;
  uint32_t bytes = 0;
  bool operator==(const ReadMemory&) const = default;
};
struct Reply {
  uint64_t id = 0;
  bool ok = false;
  bool has_fd = false;                               ///< only with ok
  base::Error::Kind error = base::Error::Kind::kIo;  ///< only without ok
  int32_t errno_value = 0;
  bool operator==(const Reply&) const = default;
};

/// The index is the message's number on the wire. Append only.
using Message =
    std::variant<Hello, Reload, Stop, Ready, Reloaded, Heartbeat, OpenProcessFile, SetTarget,
                 SetTargetCgroup, Reply, OpenContainerList, WatchSystemCalls, MakeSlab, OpenCode,
                 OpenOutput, OpenKernelSymbols, OpenDebugSymbols, TakeOneSampleIn,
                 OpenLinkedDebugFile, ReadMemory, OpenCachedSymbols, MakeCacheFile, KeepCacheFile>;
using MessageBytes = std::array<std::byte, kMessageBytes>;

[[nodiscard]] MessageBytes encode(const Message& message);
/// nullopt: wrong size, magic, version or kind, a field out of its range, or bytes set that mean
/// nothing.
[[nodiscard]] std::optional<Message> decode(base::Bytes bytes);
/// How many descriptors must come with it.
[[nodiscard]] size_t fd_count(const Message& message);

}  // namespace hostlens::agent
