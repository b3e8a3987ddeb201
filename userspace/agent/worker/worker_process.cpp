// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/worker_process.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "agent/confinement.h"
#include "agent/exit_codes.h"
#include "agent/logging.h"
#include "agent/worker/profile_worker.h"
#include "agent/worker/worker.h"

namespace hostlens::agent {
namespace {

using base::Result;
using base::UniqueFd;

constexpr int kHelloTimeoutMs = 10'000;

Result<std::unique_ptr<WorkerProcess>> create(EventLoop& loop, Channel channel, SlotFds fds) {
  auto text = read_shared_text(fds[static_cast<size_t>(FdSlot::kSettings)]);
  if (!text) return std::move(text).error();
  auto settings = worker_settings_from_json(*text);
  if (!settings) return std::move(settings).error();
  const auto as_process = [](auto worker) -> Result<std::unique_ptr<WorkerProcess>> {
    if (!worker) return std::move(worker).error();
    return std::unique_ptr<WorkerProcess>(*std::move(worker));
  };
  if (settings->profile) {
    return as_process(ProfileWorker::create(loop, std::move(channel), *std::move(settings->profile),
                                            std::move(fds)));
  }
  return as_process(Worker::create(loop, std::move(channel), *std::move(settings), std::move(fds)));
}

}  // namespace

SlotFds by_slot(FdMask mask, std::vector<UniqueFd> fds) {
  SlotFds slots;
  size_t next = 0;
  for (size_t i = 0; i < kFdSlots && next < fds.size(); ++i) {
    if (mask.has(static_cast<FdSlot>(i))) slots[i] = std::move(fds[next++]);
  }
  return slots;
}

int worker_main(UniqueFd channel_fd) {
  confine_after_exec();
  set_up_logging();
  Channel channel(std::move(channel_fd));
  auto received = channel.receive(kHelloTimeoutMs);
  const Hello* hello = received && *received ? std::get_if<Hello>(&(*received)->message) : nullptr;
  if (hello == nullptr) {
    spdlog::error("the worker is started by `hostlens agent`, `run` or `profile`, not by hand");
    return kExitUsage;
  }
  auto loop = EventLoop::create();
  if (!loop) {
    spdlog::error("{}", loop.error().text());
    return kExitFailure;
  }
  auto worker =
      create(**loop, std::move(channel), by_slot(hello->fds, std::move((*received)->fds)));
  if (!worker) {
    spdlog::error("{}", worker.error().text());
    return worker.error().kind == base::Error::Kind::kInvalid ? kExitUsage : kExitFailure;
  }
  if (auto started = (*worker)->start(); !started) {
    spdlog::error("{}", started.error().text());
    return kExitFailure;
  }
  (*loop)->run();
  return (*worker)->exit_code();
}

}  // namespace hostlens::agent
