// SPDX-License-Identifier: Apache-2.0
// The unprivileged process of `hostlens profile`: one recording, then its files.
#pragma once

#include <memory>
#include <string>

#include "agent/channel.h"
#include "agent/event_loop.h"
#include "agent/remote_host_access.h"
#include "agent/worker/profile_pipeline.h"
#include "agent/worker/worker_process.h"
#include "agent/worker_settings.h"
#include "discovery/process_table.h"
#include "model/profile.h"

namespace hostlens::agent {

/// One thread: the loop's. Records from Ready until the supervisor says stop; writes the files, and
/// a summary to standard error, then ends. Its exit status says whether all files were written.
class ProfileWorker final : public WorkerProcess {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<ProfileWorker>> create(EventLoop& loop,
                                                                           Channel channel,
                                                                           ProfileJob job,
                                                                           SlotFds fds);
  [[nodiscard]] base::Result<void> start() override;
  [[nodiscard]] int exit_code() const override { return exit_code_; }

 private:
  static constexpr uint64_t kRoundNs = 50'000'000;
  static constexpr uint64_t kSecondNs = 1'000'000'000;

  ProfileWorker(EventLoop& loop, Channel channel, ProfileJob job)
      : loop_(loop), channel_(std::move(channel)), job_(std::move(job)) {}
  [[nodiscard]] base::Result<void> build(SlotFds fds);
  [[nodiscard]] bool wants(uint32_t pid);
  void take(model::Sample&& sample);
  void on_channel();
  void on_round();
  void finish();
  /// Waits for debug files that are under way, and gives frames their names.
  void take_late_names();
  [[nodiscard]] bool write_outputs(const model::Profile& profile);
  void print_summary(const model::Profile& profile) const;

  EventLoop& loop_;
  Channel channel_;
  ProfileJob job_;
  std::unique_ptr<RemoteHostAccess> host_;
  std::unique_ptr<discovery::ProcessTable> processes_;
  std::unique_ptr<ProfilePipeline> pipeline_;
  std::unique_ptr<model::Profile> profile_;
  std::unique_ptr<Timer> round_;
  uint64_t begin_ns_ = 0;
  uint64_t last_second_ns_ = 0;
  uint64_t rounds_ = 0;
  uint64_t named_late_ = 0;  ///< frames of samples
  int exit_code_ = 0;
};

}  // namespace hostlens::agent
