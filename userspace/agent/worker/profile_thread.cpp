// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/profile_thread.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <ctime>
#include <utility>

#include "base/worker_thread.h"

namespace hostlens::agent {

using base::Result;

Result<std::unique_ptr<ProfileThread>> ProfileThread::start(ProfilePipelineFds fds,
                                                            RemoteHostAccess& host,
                                                            ProfilePipelineSettings settings) {
  std::unique_ptr<ProfileThread> self(new ProfileThread);
  self->stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!self->stop_) return base::errno_error("profiles: eventfd");
  self->round_ms_ = settings.round_ms;
  auto pipeline = ProfilePipeline::open(
      std::move(fds), host, std::move(settings),
      [raw = self.get()](model::Sample&& sample) { raw->on_sample(std::move(sample)); });
  if (!pipeline) return std::move(pipeline).error().with_context("profiles");
  self->pipeline_ = *std::move(pipeline);
  auto thread = base::start_thread("profiles", [raw = self.get()] { raw->run(); });
  if (!thread) return std::move(thread).error();
  self->thread_ = *std::move(thread);
  return self;
}

ProfileThread::~ProfileThread() { finish(); }

void ProfileThread::finish() {
  if (!thread_.joinable()) return;
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void ProfileThread::on_sample(model::Sample&& sample) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() < kMostWaiting) {
    waiting_.push_back(std::move(sample));
  } else {
    ++let_go_;
  }
}

std::vector<model::Sample> ProfileThread::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

ProfilePipelineFigures ProfileThread::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

uint64_t ProfileThread::let_go() const {
  const std::lock_guard lock(mutex_);
  return let_go_;
}

uint64_t ProfileThread::cpu_ns() const {
  clockid_t clock{};
  timespec time{};
  // NOLINTNEXTLINE: the handle is only read
  auto& thread = const_cast<std::thread&>(thread_);
  if (!thread.joinable() || ::pthread_getcpuclockid(thread.native_handle(), &clock) != 0 ||
      ::clock_gettime(clock, &time) != 0) {
    return 0;
  }
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

void ProfileThread::wait_round() const {
  pollfd polled[] = {{stop_.get(), POLLIN, 0}, {pipeline_->notices_fd(), POLLIN, 0}};
  (void)::poll(polled, std::size(polled), round_ms_);
}

void ProfileThread::run() {
  const auto stops = [this] {
    eventfd_t value = 0;
    return ::eventfd_read(stop_.get(), &value) == 0;
  };
  const auto keep_figures = [this] {
    const ProfilePipelineFigures figures = pipeline_->figures();
    const std::lock_guard lock(mutex_);
    figures_ = figures;
  };
  while (!stops()) {
    pipeline_->on_notices();
    pipeline_->on_round();
    keep_figures();
    wait_round();
  }
  pipeline_->drain();
  keep_figures();
}

}  // namespace hostlens::agent
