// SPDX-License-Identifier: Apache-2.0
// The supervisor's side of the worker's requests: what it refuses, and how often it may be asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/capture.h"
#include "agent/channel.h"
#include "agent/runtime_relay.h"
#include "kernel/debug_cache.h"
#include "kernel/host_access.h"

namespace hostlens::agent {

struct HostRequestPolicy {
  /// `run`: the command alone is the target, and no request can widen that.
  bool targets_may_change = true;
  /// A first look at a large host asks for some files of each process at once; a worker gone wild
  /// must not keep the supervisor busy.
  uint64_t burst = 50'000;
  uint64_t per_second = 5'000;
  uint32_t own_pid = 0;  ///< the supervisor itself is never opened nor made a target
  std::vector<RuntimeSocket> runtime_sockets = {};  ///< container runtimes that may be asked
  /// Slabs (a mebibyte each) that one worker gets at first, and then one a second: who takes them
  /// gives others back.
  uint32_t most_slabs = 512;
  /// Open files that the worker may write anew; must outlive it.
  std::vector<int> outputs = {};
  /// Debug files from servers; null: none. Must outlive it.
  kernel::DebugCache* debug_cache = nullptr;
};

/// Answers requests of one worker, which it trusts in nothing. Supervisor's thread.
class HostRequestServer {
 public:
  HostRequestServer(Channel requests, Capture& capture, HostRequestPolicy policy);

  [[nodiscard]] int fd() const { return requests_.fd(); }
  /// Handles what has come. An error means the worker broke the protocol, does not read or is gone:
  /// let it go.
  [[nodiscard]] base::Result<void> serve(uint64_t now_ns);
  [[nodiscard]] uint64_t refused_total() const { return refused_; }

 private:
  [[nodiscard]] bool within_rate(uint64_t now_ns);
  /// false: `message` is no request.
  [[nodiscard]] bool handle(const Message& message, uint64_t now_ns, Reply& reply,
                            base::UniqueFd& fd);
  /// One overload for each request. `fd` is set by those that answer with a descriptor.
  [[nodiscard]] base::Result<void> serve_one(const OpenProcessFile& open, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const SetTarget& target, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const SetTargetCgroup& cgroup, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenContainerList& list, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const WatchSystemCalls& watch, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const TakeOneSampleIn& take, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const MakeSlab& slab, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenCode& code, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenOutput& output, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenDebugSymbols& open, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenLinkedDebugFile& open, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenKernelSymbols& open, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const ReadMemory& memory, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const OpenCachedSymbols& open, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const MakeCacheFile& make, base::UniqueFd& fd);
  [[nodiscard]] base::Result<void> serve_one(const KeepCacheFile& keep, base::UniqueFd& fd);

  Channel requests_;
  Capture& capture_;
  HostRequestPolicy policy_;
  std::vector<std::unique_ptr<RuntimeRelay>> relays_;
  uint64_t tokens_;
  uint64_t refilled_ns_ = 0;
  uint64_t slabs_made_ = 0;
  uint64_t begun_ns_ = 0;  ///< the first request
  uint64_t now_ns_ = 0;    ///< of the request that is served
  uint64_t refused_ = 0;
};

}  // namespace hostlens::agent
