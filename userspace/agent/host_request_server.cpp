// SPDX-License-Identifier: Apache-2.0
#include "agent/host_request_server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernel/memory_file.h"

namespace hostlens::agent {
namespace {

using base::Error;
using base::Result;

/// Requests served in one go, so that signals and the worker's end are seen in between.
constexpr int kPerRound = 256;

Error denied() { return {Error::Kind::kDenied, EPERM, "refused", {}}; }
Error absent() { return {Error::Kind::kNotFound, ENOENT, "there is none", {}}; }
Error busy() { return {Error::Kind::kBusy, EAGAIN, "asked too often", {}}; }

Result<void> keep(Result<base::UniqueFd> opened, base::UniqueFd& fd) {
  if (!opened) return std::move(opened).error();
  fd = *std::move(opened);
  return {};
}

}  // namespace

HostRequestServer::HostRequestServer(Channel requests, Capture& capture, HostRequestPolicy policy)
    : requests_(std::move(requests)),
      capture_(capture),
      policy_(std::move(policy)),
      tokens_(policy_.burst) {
  for (const RuntimeSocket& socket : policy_.runtime_sockets) {
    relays_.push_back(std::make_unique<RuntimeRelay>(socket));
  }
}

bool HostRequestServer::within_rate(uint64_t now_ns) {
  if (refilled_ns_ == 0) refilled_ns_ = now_ns;
  const uint64_t ns_per_token = 1'000'000'000 / std::max<uint64_t>(policy_.per_second, 1);
  const uint64_t earned = (now_ns - refilled_ns_) / ns_per_token;
  tokens_ = std::min(policy_.burst, tokens_ + earned);
  refilled_ns_ += earned * ns_per_token;
  if (tokens_ == 0) return false;
  --tokens_;
  return true;
}

Result<void> HostRequestServer::serve_one(const OpenProcessFile& open, base::UniqueFd& fd) {
  if (open.process.pid == policy_.own_pid) return denied();
  return keep(capture_.host().open_process_file(open.process, open.what), fd);
}

Result<void> HostRequestServer::serve_one(const SetTarget& target, base::UniqueFd& /*fd*/) {
  // To make sure that we are no target is no harm.
  if (target.process.pid == policy_.own_pid && target.is_target) return denied();
  if (!policy_.targets_may_change) return denied();
  return capture_.host().set_target(target.process, target.is_target);
}

Result<void> HostRequestServer::serve_one(const SetTargetCgroup& cgroup, base::UniqueFd& /*fd*/) {
  if (!policy_.targets_may_change) return denied();
  return capture_.host().set_target_cgroup(cgroup.cgroup_id, cgroup.is_target);
}

Result<void> HostRequestServer::serve_one(const OpenContainerList& list, base::UniqueFd& fd) {
  if (list.runtime >= relays_.size()) return absent();
  return keep(relays_[list.runtime]->ask(), fd);
}

Result<void> HostRequestServer::serve_one(const WatchSystemCalls& watch, base::UniqueFd& /*fd*/) {
  return capture_.host().watch_system_calls(watch.duration_ns);
}

Result<void> HostRequestServer::serve_one(const TakeOneSampleIn& take, base::UniqueFd& /*fd*/) {
  return capture_.host().take_one_sample_in(take.count);
}

Result<void> HostRequestServer::serve_one(const MakeSlab& /*slab*/, base::UniqueFd& fd) {
  kernel::SlabSource* const slabs = capture_.profiling().slabs;
  if (slabs == nullptr) return absent();
  constexpr uint64_t kSecondNs = 1'000'000'000;
  if (slabs_made_ >= policy_.most_slabs + (now_ns_ - begun_ns_) / kSecondNs) return busy();
  ++slabs_made_;
  return keep(slabs->make_slab(), fd);
}

Result<void> HostRequestServer::serve_one(const OpenCode& code, base::UniqueFd& fd) {
  kernel::CodeFiles* const files = capture_.profiling().code;
  if (files == nullptr) return absent();
  return keep(files->open_code(code.process, code.start, code.limit), fd);
}

Result<void> HostRequestServer::serve_one(const OpenOutput& output, base::UniqueFd& fd) {
  if (output.index >= policy_.outputs.size()) return absent();
  const int file = policy_.outputs[output.index];
  // What it held stays until something is there to replace it. A pipe or terminal holds nothing.
  struct stat status {};
  if (::fstat(file, &status) != 0) return base::errno_error("look at an output file");
  if (S_ISREG(status.st_mode) && (::ftruncate(file, 0) != 0 || ::lseek(file, 0, SEEK_SET) != 0)) {
    return base::errno_error("empty an output file");
  }
  fd.reset(::fcntl(file, F_DUPFD_CLOEXEC, 0));
  if (!fd) return base::errno_error("duplicate an output file");
  return {};
}

Result<void> HostRequestServer::serve_one(const OpenDebugSymbols& open, base::UniqueFd& fd) {
  kernel::CodeFiles* const files = capture_.profiling().code;
  if (files == nullptr) return absent();
  const auto process = open.of_host ? std::nullopt : std::optional(open.process);
  return keep(files->open_debug_symbols(process, text_of(open.build_id)), fd);
}

Result<void> HostRequestServer::serve_one(const OpenLinkedDebugFile& open, base::UniqueFd& fd) {
  kernel::CodeFiles* const files = capture_.profiling().code;
  if (files == nullptr) return absent();
  const std::string_view name(open.name.data(), open.size);
  return keep(
      files->open_linked_debug_file(open.process, open.start, open.limit, open.folder, name), fd);
}

Result<void> HostRequestServer::serve_one(const OpenKernelSymbols& /*open*/, base::UniqueFd& fd) {
  kernel::CodeFiles* const files = capture_.profiling().code;
  if (files == nullptr) return absent();
  return keep(files->open_kernel_symbols(), fd);
}

Result<void> HostRequestServer::serve_one(const ReadMemory& memory, base::UniqueFd& fd) {
  if (memory.process.pid == policy_.own_pid) return denied();
  kernel::ProcessMemory* const processes = capture_.profiling().memory;
  if (processes == nullptr) return absent();
  auto bytes = processes->read_memory(memory.process, memory.address, memory.bytes);
  if (!bytes) return std::move(bytes).error();
  return keep(kernel::memory_file("process_memory", *bytes), fd);
}

Result<void> HostRequestServer::serve_one(const OpenCachedSymbols& open, base::UniqueFd& fd) {
  if (policy_.debug_cache == nullptr) return absent();
  return keep(policy_.debug_cache->open_cached(text_of(open.build_id)), fd);
}

Result<void> HostRequestServer::serve_one(const MakeCacheFile& /*make*/, base::UniqueFd& fd) {
  if (policy_.debug_cache == nullptr) return absent();
  return keep(policy_.debug_cache->new_file(), fd);
}

Result<void> HostRequestServer::serve_one(const KeepCacheFile& keep, base::UniqueFd& /*fd*/) {
  if (policy_.debug_cache == nullptr) return absent();
  return policy_.debug_cache->keep(text_of(keep.build_id));
}

bool HostRequestServer::handle(const Message& message, uint64_t now_ns, Reply& reply,
                               base::UniqueFd& fd) {
  if (begun_ns_ == 0) begun_ns_ = now_ns;
  now_ns_ = now_ns;
  return std::visit(
      [&](const auto& request) {
        if constexpr (requires { serve_one(request, fd); }) {
          reply.id = request.id;
          Result<void> outcome = within_rate(now_ns) ? serve_one(request, fd) : busy();
          reply.ok = outcome.has_value();
          reply.has_fd = reply.ok && fd;
          if (!reply.ok) {
            reply.error = outcome.error().kind;
            reply.errno_value = outcome.error().errno_value;
            ++refused_;
          }
          return true;
        } else {
          return false;
        }
      },
      message);
}

Result<void> HostRequestServer::serve(uint64_t now_ns) {
  for (int i = 0; i < kPerRound; ++i) {
    auto received = requests_.receive();
    if (!received) return std::move(received).error();
    if (!received->has_value()) return {};
    Reply reply;
    base::UniqueFd fd;
    if (!handle((*received)->message, now_ns, reply, fd)) {
      return base::invalid_error("the worker sent what is no request");
    }
    const int raw = fd.get();
    auto sent = reply.has_fd ? requests_.send(reply, {&raw, 1}) : requests_.send(reply);
    if (!sent) return sent;
  }
  return {};
}

}  // namespace hostlens::agent
