// SPDX-License-Identifier: Apache-2.0
// From the sampler's rings to samples with names: what a recording and the agent have in common.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/remote_host_access.h"
#include "agent/worker/mapping_scope.h"
#include "agent/worker/waker_frames.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/record_ring.h"
#include "model/stack.h"
#include "probes/profile_books.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_tracker.h"
#include "symbols/code/sample_mender.h"
#include "symbols/debuginfod/symbol_downloads.h"
#include "symbols/names/sample_namer.h"

namespace hostlens::agent {

struct ProfilePipelineSettings {
  uint64_t table_bytes = 96U << 20;  ///< of unwind tables, in the kernel
  /// Whose mappings are read and whose samples are kept; null: everybody's.
  std::function<bool(uint32_t pid)> wanted;
  /// The kernel samples targets alone: nobody's mappings are read but those of processes that it
  /// sent a notice of.
  bool targets_only = false;
  uint32_t target_pid = 0;  ///< the target, where it is known from the beginning
  bool wakers = false;      ///< who ended a sleep is part of its stack
  /// Servers that are asked for what this host has no names of; without URLs nobody is.
  symbols::DebuginfodSettings debuginfod;
  /// How often a thread of its own reads the ring, which holds a second of samples. The rarer the
  /// cheaper: code and data are out of the CPU's caches each time.
  int round_ms = 100;
};

struct ProfilePipelineFds {
  base::UniqueFd ring, notices, books;
  probes::UnwindTables::Maps tables;
};

/// What happened since the beginning.
struct ProfilePipelineFigures {
  uint64_t samples = 0;   ///< kept
  uint64_t complete = 0;  ///< of these, whole stacks
  /// Of the others, by enum profile_outcome.
  std::array<uint64_t, PROFILE_OUTCOME_COUNT> broken{};
  uint64_t unwanted = 0;  ///< samples of processes that nobody asked for
  uint64_t garbage = 0;   ///< records that could not be decoded
  uint64_t stale = 0;     ///< samples from before open(): their numbers of files mean nothing here
  uint64_t frames = 0;    ///< of kept samples
  uint64_t named = 0;     ///< of these, with the name of a function
  uint64_t tables_built = 0;
  uint64_t tables_ns = 0;  ///< of one CPU, that these took
  probes::UnwindTableFigures tables;
  symbols::Refusals refused;  ///< files that gave no names; with V8 that is not known, too
  symbols::DownloadCounts downloads{};
};

/// One thread, the loop's. Times are CLOCK_MONOTONIC. `host` must outlive it.
class ProfilePipeline {
 public:
  using OnSample = std::function<void(model::Sample&&)>;

  [[nodiscard]] static base::Result<std::unique_ptr<ProfilePipeline>> open(
      ProfilePipelineFds fds, RemoteHostAccess& host, ProfilePipelineSettings settings,
      OnSample on_sample);

  /// Readable when a process is new or not known: call on_notices().
  [[nodiscard]] int notices_fd() const { return notices_->fd(); }
  void on_notices();
  /// Every 100 ms or more often: samples have no wake-up of their own.
  void on_round();
  /// Everything that there is, at the end.
  void drain();

  [[nodiscard]] ProfilePipelineFigures figures() const;
  [[nodiscard]] const symbols::PythonFigures& python() const { return namer_->python(); }
  [[nodiscard]] const symbols::JavaFigures& java() const { return namer_->java(); }
  [[nodiscard]] const WakerFigures& wakers() const { return wakers_.figures(); }
  [[nodiscard]] const symbols::V8Figures& v8() const { return namer_->v8(); }
  [[nodiscard]] uint64_t v8_untold() const { return namer_->v8_inlined().untold; }
  [[nodiscard]] uint64_t v8s_refused() const { return tracker_->files().v8s_refused; }
  [[nodiscard]] base::Result<probes::ProfileBooks> books() const;
  /// Null: no server is asked. Lives as long as the pipeline.
  [[nodiscard]] symbols::SymbolDownloads* downloads() { return downloads_.get(); }
  [[nodiscard]] size_t pending_bytes() const { return ring_->pending_bytes(); }

 private:
  /// Forgets what is gone, finds what no notice told of: walks the kernel's table of processes.
  static constexpr uint64_t kVisitNs = 10'000'000'000;
  /// Tables are built for so long in one go, then samples are looked after.
  static constexpr uint64_t kBuildNs = 200'000'000;
  /// Executables and names that went, until the heap is trimmed: it takes some milliseconds.
  static constexpr uint64_t kGoneToTrim = 64;

  ProfilePipeline(ProfilePipelineSettings settings, OnSample on_sample);
  [[nodiscard]] base::Result<void> open_downloads(kernel::DebugCache& cache);
  void read_ring();
  void build_tables();
  void give_memory_back();
  void read_other(base::Bytes bytes);
  void take(decoders::ProfileSample&& sample);
  void add_waker(const decoders::ProfileSample& sleep, model::Sample& named);

  ProfilePipelineSettings settings_;
  MappingScope scope_;
  OnSample on_sample_;
  base::UniqueFd books_;
  std::unique_ptr<kernel::RecordRing> ring_;
  std::unique_ptr<kernel::RecordRing> notices_;
  std::unique_ptr<probes::UnwindTables> tables_;
  std::unique_ptr<symbols::CodeTracker> tracker_;
  std::unique_ptr<symbols::SampleMender> mender_;
  std::unique_ptr<symbols::SymbolDownloads> downloads_;
  std::unique_ptr<symbols::SampleNamer> namer_;
  WakerFrames wakers_;
  ProfilePipelineFigures figures_;
  uint64_t opened_ns_ = 0;
  uint64_t visited_ns_ = 0;
  uint64_t forgotten_ = 0;  ///< executables, when memory was given back the last time
  uint64_t trimmed_at_ = 0;
};

}  // namespace hostlens::agent
