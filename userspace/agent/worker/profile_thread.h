// SPDX-License-Identifier: Apache-2.0
// The thread that makes samples of what the sampler's rings hold: reads files of symbols, builds
// tables, names frames, so that requests never wait for any of that.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/worker/profile_pipeline.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "model/stack.h"

namespace hostlens::agent {

/// From construction to finish() or destruction. The methods are for another thread, one.
class ProfileThread {
 public:
  /// Samples that wait to be taken; more are let go and counted.
  static constexpr size_t kMostWaiting = 20'000;

  /// `host` must outlive it.
  [[nodiscard]] static base::Result<std::unique_ptr<ProfileThread>> start(
      ProfilePipelineFds fds, RemoteHostAccess& host, ProfilePipelineSettings settings);
  ~ProfileThread();
  ProfileThread(const ProfileThread&) = delete;
  ProfileThread& operator=(const ProfileThread&) = delete;

  /// In the order in which they were read; without service and route.
  [[nodiscard]] std::vector<model::Sample> take();
  /// As of the last round.
  [[nodiscard]] ProfilePipelineFigures figures() const;
  [[nodiscard]] base::Result<probes::ProfileBooks> books() const { return pipeline_->books(); }
  /// Samples that nobody took in time.
  [[nodiscard]] uint64_t let_go() const;
  /// CPU time of the thread until now, 0 once it has ended; not what the supervisor does for it.
  [[nodiscard]] uint64_t cpu_ns() const;
  /// Reads what there is and ends the thread; take() has the last samples then.
  void finish();

 private:
  ProfileThread() = default;
  void run();
  void on_sample(model::Sample&& sample);
  void wait_round() const;

  int round_ms_ = 0;
  std::unique_ptr<ProfilePipeline> pipeline_;  ///< the thread's
  base::UniqueFd stop_;                        ///< eventfd, readable: it shall end
  mutable std::mutex mutex_;
  std::vector<model::Sample> waiting_;
  ProfilePipelineFigures figures_;
  uint64_t let_go_ = 0;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::agent
