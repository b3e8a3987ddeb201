// SPDX-License-Identifier: Apache-2.0
// Any packets as the messages of a hostile peer: what decodes is in range and encodes to itself,
// and the supervisor's request server takes every one of them.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "agent/host_request_server.h"

namespace {

using namespace hostlens;

constexpr uint32_t kOwnPid = 1000;

void check_range(model::ProcessKey key) {
  if (key.pid == 0 || key.pid > agent::kMaxPid) std::abort();
}

void check(model::ProcessKey key) {
  check_range(key);
  if (key.pid == kOwnPid) std::abort();
}

class CheckingHost final : public kernel::HostAccess {
 public:
  base::Result<base::UniqueFd> open_process_file(model::ProcessKey key,
                                                 kernel::ProcessFile what) override {
    check(key);
    if (what > kernel::ProcessFile::kPerfMap) std::abort();
    return base::errno_error("open", ESRCH);
  }
  base::Result<void> set_target(model::ProcessKey key, bool is_target) override {
    check_range(key);
    if (key.pid == kOwnPid && is_target) std::abort();
    return {};
  }
  base::Result<void> set_target_cgroup(uint64_t, bool) override { return {}; }
  base::Result<void> take_one_sample_in(uint32_t count) override {
    if (count == 0 || count > kMostOneIn) std::abort();
    return {};
  }
};

class CheckingMemory final : public kernel::ProcessMemory {
 public:
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey key, uint64_t /*address*/,
                                                   uint32_t bytes) override {
    check(key);
    return std::vector<std::byte>(bytes % kMostBytes);
  }
};

class CheckingFiles final : public kernel::CodeFiles {
 public:
  base::Result<base::UniqueFd> open_code(model::ProcessKey key, uint64_t, uint64_t) override {
    check_range(key);
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> open_debug_symbols(const std::optional<model::ProcessKey>&,
                                                  std::string_view build_id) override {
    if (build_id.size() < 4 || build_id.find('/') != build_id.npos) std::abort();
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> open_linked_debug_file(model::ProcessKey, uint64_t, uint64_t,
                                                      kernel::DebugFolder,
                                                      std::string_view name) override {
    if (!kernel::is_file_name(name)) std::abort();
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> open_kernel_symbols() override {
    return base::errno_error("open", EACCES);
  }
};

class CheckingCache final : public kernel::DebugCache {
 public:
  base::Result<base::UniqueFd> open_cached(std::string_view build_id) override {
    if (!kernel::is_build_id(build_id)) std::abort();
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> new_file() override { return base::errno_error("make", EROFS); }
  base::Result<void> keep(std::string_view build_id) override {
    if (!kernel::is_build_id(build_id)) std::abort();
    return {};
  }
};

class CheckingCapture final : public agent::Capture {
 public:
  [[nodiscard]] int control_ring_fd() const override { return -1; }
  [[nodiscard]] int data_ring_fd() const override { return -1; }
  [[nodiscard]] int counters_fd() const override { return -1; }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] Profiling profiling() override { return {{}, nullptr, &files_, &memory_}; }
  [[nodiscard]] std::string report_json() const override { return "{}"; }

 private:
  CheckingHost host_;
  CheckingFiles files_;
  CheckingMemory memory_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const base::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto message = agent::decode(bytes)) {
    const agent::MessageBytes again = agent::encode(*message);
    if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
  }
  auto ends = agent::Channel::pair();
  if (!ends) std::abort();
  CheckingCapture capture;
  CheckingCache cache;
  agent::HostRequestServer server(std::move(ends->first), capture,
                                  {.own_pid = kOwnPid, .debug_cache = &cache});
  for (size_t at = 0; at < size; at += agent::kMessageBytes) {
    const size_t part = std::min(agent::kMessageBytes, size - at);
    if (::send(ends->second.fd(), data + at, part, MSG_DONTWAIT) < 0) break;
  }
  (void)server.serve(1);
  return 0;
}
