// SPDX-License-Identifier: Apache-2.0
#include "agent/remote_host_access.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace hostlens::agent {

using base::Error;
using base::Result;

Result<Received> RemoteHostAccess::ask(const Message& request, uint64_t id, const char* what) {
  if (auto sent = requests_.send(request); !sent) {
    return Error(sent.error()).with_context(what);
  }
  for (;;) {
    auto received = requests_.receive(kTimeoutMs);
    if (!received) return std::move(received).error().with_context(what);
    if (!received->has_value()) {
      return Error{
          Error::Kind::kBusy, 0, std::string(what) + ": the supervisor does not answer", {}};
    }
    Received answer = std::move(**received);
    const auto* reply = std::get_if<Reply>(&answer.message);
    // An answer to a request that was given up before: pass it over.
    if (reply == nullptr || reply->id != id) continue;
    if (reply->ok) return answer;
    Error error{reply->error, reply->errno_value, std::string(what) + ": refused", {}};
    if (reply->errno_value != 0) {
      error.message = std::string(what) + ": " + std::strerror(reply->errno_value);
    }
    return error;
  }
}

template <typename Request>
Result<base::UniqueFd> RemoteHostAccess::ask_for_fd(Request request, const char* what) {
  const std::lock_guard lock(mutex_);
  request.id = ++last_id_;
  auto reply = ask(request, request.id, what);
  if (!reply) return std::move(reply).error();
  if (reply->fds.size() != 1) return base::invalid_error(std::string(what) + ": no descriptor");
  return std::move(reply->fds.front());
}

template <typename Request>
Result<void> RemoteHostAccess::ask_for_consent(Request request, const char* what) {
  const std::lock_guard lock(mutex_);
  request.id = ++last_id_;
  auto reply = ask(request, request.id, what);
  if (!reply) return std::move(reply).error();
  return {};
}

Result<base::UniqueFd> RemoteHostAccess::open_process_file(model::ProcessKey key,
                                                           kernel::ProcessFile what) {
  return ask_for_fd(OpenProcessFile{0, key, what}, "open a file of a process");
}

Result<base::UniqueFd> RemoteHostAccess::open_container_list(uint8_t runtime) {
  return ask_for_fd(OpenContainerList{0, runtime}, "ask a container runtime");
}

Result<base::UniqueFd> RemoteHostAccess::make_slab() {
  return ask_for_fd(MakeSlab{}, "make room for unwind tables");
}

Result<base::UniqueFd> RemoteHostAccess::open_code(model::ProcessKey process, uint64_t start,
                                                   uint64_t limit) {
  return ask_for_fd(OpenCode{0, process, start, limit}, "open what a process executes");
}

Result<base::UniqueFd> RemoteHostAccess::open_debug_symbols(
    const std::optional<model::ProcessKey>& process, std::string_view build_id) {
  auto id = build_id_bytes(build_id);
  if (!id) return std::move(id).error().with_context("open debug symbols");
  const OpenDebugSymbols request{0, process.value_or(model::ProcessKey{}), !process, *id};
  return ask_for_fd(request, "open debug symbols");
}

Result<base::UniqueFd> RemoteHostAccess::open_linked_debug_file(model::ProcessKey process,
                                                                uint64_t start, uint64_t limit,
                                                                kernel::DebugFolder folder,
                                                                std::string_view name) {
  if (!kernel::is_file_name(name)) {
    return base::invalid_error("open a linked debug file: no name of a file");
  }
  OpenLinkedDebugFile request{.process = process, .start = start, .limit = limit, .folder = folder};
  request.size = static_cast<uint8_t>(name.size());
  std::copy(name.begin(), name.end(), request.name.begin());
  return ask_for_fd(request, "open a linked debug file");
}

Result<base::UniqueFd> RemoteHostAccess::open_cached(std::string_view build_id) {
  auto id = build_id_bytes(build_id);
  if (!id) return std::move(id).error().with_context("open cached symbols");
  return ask_for_fd(OpenCachedSymbols{0, *id}, "open cached symbols");
}

Result<base::UniqueFd> RemoteHostAccess::new_file() {
  return ask_for_fd(MakeCacheFile{}, "make a file for symbols");
}

Result<void> RemoteHostAccess::keep(std::string_view build_id) {
  auto id = build_id_bytes(build_id);
  if (!id) return std::move(id).error().with_context("keep symbols");
  return ask_for_consent(KeepCacheFile{0, *id}, "keep symbols");
}

Result<base::UniqueFd> RemoteHostAccess::open_kernel_symbols() {
  return ask_for_fd(OpenKernelSymbols{}, "open the kernel's symbols");
}

Result<std::vector<std::byte>> RemoteHostAccess::read_memory(model::ProcessKey process,
                                                             uint64_t address, uint32_t bytes) {
  constexpr const char* kWhat = "read memory of a process";
  const auto file = ask_for_fd(ReadMemory{0, process, address, bytes}, kWhat);
  if (!file) return Error(file.error());
  std::vector<std::byte> memory(std::min(bytes, kMostBytes));
  const ssize_t got = ::pread(file->get(), memory.data(), memory.size(), 0);
  if (got < 0) return base::errno_error(kWhat);
  memory.resize(static_cast<size_t>(got));
  return memory;
}

Result<base::UniqueFd> RemoteHostAccess::open_output(uint32_t index) {
  return ask_for_fd(OpenOutput{0, index}, "open an output file");
}

Result<void> RemoteHostAccess::set_target(model::ProcessKey key, bool is_target) {
  return ask_for_consent(SetTarget{0, key, is_target}, "set a target");
}

Result<void> RemoteHostAccess::set_target_cgroup(uint64_t cgroup_id, bool is_target) {
  return ask_for_consent(SetTargetCgroup{0, cgroup_id, is_target}, "set a target cgroup");
}

Result<void> RemoteHostAccess::watch_system_calls(uint64_t duration_ns) {
  return ask_for_consent(WatchSystemCalls{0, duration_ns}, "observe system calls");
}

Result<void> RemoteHostAccess::take_one_sample_in(uint32_t count) {
  return ask_for_consent(TakeOneSampleIn{0, count}, "take fewer samples");
}

}  // namespace hostlens::agent
