// SPDX-License-Identifier: Apache-2.0
#include "agent/host_request_server.h"

#include <algorithm>
#include <utility>

namespace hostlens::agent {
namespace {

using base::Error;
using base::Result;

/// Requests served in one go, so that signals and the worker's end are seen in between.
constexpr int kPerRound = 256;

void set_error(Reply& reply, Error::Kind kind, int errno_value) {
  reply.ok = false;
  reply.error = kind;
  reply.errno_value = errno_value;
}

void set_outcome(Reply& reply, const Result<void>& outcome) {
  reply.ok = outcome.has_value();
  if (!outcome) set_error(reply, outcome.error().kind, outcome.error().errno_value);
}

}  // namespace

HostRequestServer::HostRequestServer(Channel requests, kernel::HostAccess& host,
                                     HostRequestPolicy policy)
    : requests_(std::move(requests)),
      host_(host),
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

bool HostRequestServer::handle(const Message& message, uint64_t now_ns, Reply& reply,
                               base::UniqueFd& fd) {
  const auto* open = std::get_if<OpenProcessFile>(&message);
  const auto* target = std::get_if<SetTarget>(&message);
  const auto* cgroup = std::get_if<SetTargetCgroup>(&message);
  const auto* list = std::get_if<OpenContainerList>(&message);
  const auto* watch = std::get_if<WatchSystemCalls>(&message);
  if (open == nullptr && target == nullptr && cgroup == nullptr && list == nullptr &&
      watch == nullptr) {
    return false;
  }
  reply.id = open != nullptr     ? open->id
             : target != nullptr ? target->id
             : cgroup != nullptr ? cgroup->id
             : list != nullptr   ? list->id
                                 : watch->id;
  const uint32_t pid = open != nullptr     ? open->process.pid
                       : target != nullptr ? target->process.pid
                                           : 0;
  // To make sure that we are no target is no harm.
  const bool gives_up_target = target != nullptr && !target->is_target;
  if (!within_rate(now_ns)) {
    set_error(reply, Error::Kind::kBusy, EAGAIN);
  } else if ((pid != 0 && pid == policy_.own_pid && !gives_up_target) ||
             (open == nullptr && list == nullptr && watch == nullptr &&
              !policy_.targets_may_change)) {
    set_error(reply, Error::Kind::kDenied, EPERM);
  } else if (watch != nullptr) {
    set_outcome(reply, host_.watch_system_calls(watch->duration_ns));
  } else if (open != nullptr) {
    auto file = host_.open_process_file(open->process, open->what);
    reply.ok = reply.has_fd = file.has_value();
    if (file) {
      fd = *std::move(file);
    } else {
      set_error(reply, file.error().kind, file.error().errno_value);
    }
  } else if (list != nullptr) {
    open_container_list(*list, reply, fd);
  } else if (target != nullptr) {
    set_outcome(reply, host_.set_target(target->process, target->is_target));
  } else {
    set_outcome(reply, host_.set_target_cgroup(cgroup->cgroup_id, cgroup->is_target));
  }
  if (!reply.ok) ++refused_;
  return true;
}

void HostRequestServer::open_container_list(const OpenContainerList& list, Reply& reply,
                                            base::UniqueFd& fd) {
  if (list.runtime >= relays_.size()) return set_error(reply, Error::Kind::kNotFound, ENOENT);
  auto stream = relays_[list.runtime]->ask();
  reply.ok = reply.has_fd = stream.has_value();
  if (stream) {
    fd = *std::move(stream);
  } else {
    set_error(reply, stream.error().kind, stream.error().errno_value);
  }
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
