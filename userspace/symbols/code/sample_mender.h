// SPDX-License-Identifier: Apache-2.0
// Samples whose tables came too late: held until the tables are there, then unwound from the copy
// of the stack that came with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "decoders/profile_decoder.h"
#include "kernel/process_memory.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_tracker.h"

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
  SampleMender(const probes::UnwindTables& tables, const CodeTracker& tracker,
               kernel::ProcessMemory& memory, OnSample on_sample)
      : tables_(tables), tracker_(tracker), memory_(memory), on_sample_(std::move(on_sample)) {}

  /// In the order of the ring: a raw stack comes before its sample.
  void on_raw(const decoders::ProfileRaw& raw);
  void on_sample(decoders::ProfileSample sample);
  /// After the tracker has worked, and every 100 ms or so.
  void mend(uint64_t now_ns);
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  struct Raw {
    decoders::ProfileRaw fields;  ///< its stack is in `stack`
    std::vector<std::byte> stack;
  };
  struct Waiting {
    decoders::ProfileSample sample;
    Raw raw;
  };

  class Tables;
  /// False: it may become better yet.
  [[nodiscard]] bool try_one(Waiting& waiting, Tables& tables, uint64_t now_ns) const;
  void pass(decoders::ProfileSample&& sample) const;

  const probes::UnwindTables& tables_;
  const CodeTracker& tracker_;
  kernel::ProcessMemory& memory_;
  OnSample on_sample_;
  std::deque<Raw> raws_;  ///< whose samples have not come yet: one per CPU at most
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;
};

}  // namespace hostlens::symbols
