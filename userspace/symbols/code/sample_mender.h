// SPDX-License-Identifier: Apache-2.0
// Samples whose tables came too late: held until the tables are there, then unwound from the copy
// of the stack that came with them. A sample gets the stack of its waker here, which may be late
// too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "decoders/profile_decoder.h"
#include "kernel/process_memory.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_tracker.h"
#include "symbols/code/waker_shelf.h"

namespace hostlens::symbols {

/// Between the ring's reader and everybody else; samples without a raw stack pass at once. Times
/// are CLOCK_MONOTONIC. One thread, that of the tracker.
class SampleMender {
 public:
  using OnSample = std::function<void(decoders::ProfileSample&&)>;
  /// How long a sample may wait: tables of most programs are built by then.
  static constexpr uint64_t kPatienceNs = 2'000'000'000;
  /// Some 64 of them. What comes beyond goes as it is.
  static constexpr size_t kMostBytes = 1 << 20;

  /// All must outlive it.
  SampleMender(const probes::UnwindTables& tables, CodeTracker& tracker,
               kernel::ProcessMemory& memory, OnSample on_sample)
      : tables_(tables), tracker_(tracker), memory_(memory), on_sample_(std::move(on_sample)) {}

  /// In the order of the ring: a raw stack comes before its sample.
  void on_raw(const decoders::ProfileRaw& raw);
  void on_waker(decoders::ProfileWaker waker);
  void on_sample(decoders::ProfileSample sample);
  /// After the tracker has worked, and every 100 ms or so.
  void mend(uint64_t now_ns);
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    decoders::ProfileSample sample;
    std::unique_ptr<RawStack> raw;  ///< null: the sample is as good as it gets
    WakerShelf::Waker waker;
    bool looked_again = false;
  };

  class Tables;
  [[nodiscard]] std::unique_ptr<RawStack> raw_of(const decoders::ProfileSample& sample);
  /// False: it may become better yet.
  [[nodiscard]] bool try_one(decoders::ProfileSample& sample, const RawStack& raw, Tables& tables,
                             uint64_t now_ns) const;
  [[nodiscard]] bool try_part(decoders::ProfileSample& sample, std::unique_ptr<RawStack>& raw,
                              Tables& tables, uint64_t now_ns);
  void forget(std::unique_ptr<RawStack>& raw);
  void pass(Waiting&& waiting) const;

  const probes::UnwindTables& tables_;
  CodeTracker& tracker_;
  kernel::ProcessMemory& memory_;
  OnSample on_sample_;
  std::deque<RawStack> raws_;  ///< whose samples have not come yet: one per CPU at most
  WakerShelf wakers_;
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;
};

}  // namespace hostlens::symbols
