// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "agent/channel.h"
#include "kernel/code_files.h"
#include "kernel/debug_cache.h"
#include "kernel/host_access.h"
#include "kernel/process_memory.h"
#include "kernel/slab_source.h"

namespace hostlens::agent {

/// The worker's kernel::HostAccess: asks the supervisor and waits for its reply. Any thread, one
/// request at a time: the loop's thread asks for discovery, the scraping one for facts of
/// processes, and either waits for the other's answer, some microseconds.
class RemoteHostAccess final : public kernel::HostAccess,
                               public kernel::SlabSource,
                               public kernel::CodeFiles,
                               public kernel::ProcessMemory,
                               public kernel::DebugCache {
 public:
  explicit RemoteHostAccess(Channel requests) : requests_(std::move(requests)) {}

  base::Result<base::UniqueFd> open_process_file(model::ProcessKey key,
                                                 kernel::ProcessFile what) override;
  base::Result<void> set_target(model::ProcessKey key, bool is_target) override;
  base::Result<void> set_target_cgroup(uint64_t cgroup_id, bool is_target) override;
  /// The answer of a container runtime, by its place among runtime_sockets(): RuntimeRelay::ask().
  base::Result<base::UniqueFd> open_container_list(uint8_t runtime);
  base::Result<void> watch_system_calls(uint64_t duration_ns) override;
  base::Result<void> take_one_sample_in(uint32_t count) override;
  base::Result<base::UniqueFd> make_slab() override;
  base::Result<base::UniqueFd> open_code(model::ProcessKey process, uint64_t start,
                                         uint64_t limit) override;
  base::Result<base::UniqueFd> open_debug_symbols(const std::optional<model::ProcessKey>& process,
                                                  std::string_view build_id) override;
  base::Result<base::UniqueFd> open_linked_debug_file(model::ProcessKey process, uint64_t start,
                                                      uint64_t limit, kernel::DebugFolder folder,
                                                      std::string_view name) override;
  base::Result<base::UniqueFd> open_kernel_symbols() override;
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process, uint64_t address,
                                                   uint32_t bytes) override;
  base::Result<base::UniqueFd> open_cached(std::string_view build_id) override;
  base::Result<base::UniqueFd> new_file() override;
  base::Result<void> keep(std::string_view build_id) override;
  /// A file for the recording, by its place among those that the operator named: opened for writing
  /// and empty.
  base::Result<base::UniqueFd> open_output(uint32_t index);

 private:
  /// The supervisor answers within microseconds; longer than this it is stopped or gone.
  static constexpr int kTimeoutMs = 2000;

  /// With the mutex held: the first answer on the channel is the one to this request.
  base::Result<Received> ask(const Message& request, uint64_t id, const char* what);
  /// `request` is one of those with an id that are answered by a descriptor.
  template <typename Request>
  base::Result<base::UniqueFd> ask_for_fd(Request request, const char* what);
  /// The same for those that are answered by yes or no.
  template <typename Request>
  base::Result<void> ask_for_consent(Request request, const char* what);

  std::mutex mutex_;
  Channel requests_;
  uint64_t last_id_ = 0;
};

}  // namespace hostlens::agent
