// SPDX-License-Identifier: Apache-2.0
// Room for the unwinder's tables: words in slabs that the kernel reads (bpf/records/profile.h).
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/slab_source.h"
#include "records/profile.h"

namespace hostlens::probes {

/// Memory follows what is kept: slabs come one by one, and go when they are empty. Needs
/// descriptors that may write, no privilege beyond them (before Linux 6.0: CAP_BPF). Times are
/// CLOCK_MONOTONIC. One thread.
class UnwindSlabs {
 public:
  /// Words that belong together.
  struct Extent {
    uint32_t first = 0;
    uint32_t words = 0;
  };
  /// What is freed is used again after so long: a program that is reading it has ended by then, as
  /// it runs with interrupts off.
  static constexpr uint64_t kGraceNs = 100'000'000;

  /// `outer` is the array of slabs; `source` is asked for new ones and must outlive this. At most
  /// `most_bytes` of slabs, at least one.
  UnwindSlabs(base::UniqueFd outer, kernel::SlabSource& source, uint64_t most_bytes);
  ~UnwindSlabs();
  UnwindSlabs(const UnwindSlabs&) = delete;
  UnwindSlabs& operator=(const UnwindSlabs&) = delete;

  /// Its contents are undefined. 1 to UNWIND_SLAB_WORDS words; kBusy: no room within the limit (it
  /// may come free after kGraceNs).
  [[nodiscard]] base::Result<Extent> allocate(uint32_t words, uint64_t now_ns);
  void free(Extent extent, uint64_t now_ns);
  /// Takes back what was freed long enough ago, gives slabs back that are empty but one.
  void collect(uint64_t now_ns);

  /// nullptr: in no slab. Valid until the extent is freed.
  [[nodiscard]] unwind_word* at(uint32_t index) const;

  [[nodiscard]] uint64_t slab_bytes() const;  ///< what the kernel keeps
  [[nodiscard]] uint64_t used_bytes() const;  ///< of these, in extents, freed_bytes() too
  [[nodiscard]] uint64_t freed_bytes() const { return freed_blocks_ * kBlockBytes; }
  [[nodiscard]] uint64_t limit_bytes() const;

 private:
  static constexpr uint32_t kBlockWords = 64;  ///< what an extent is rounded up to
  static constexpr uint64_t kBlockBytes = kBlockWords * sizeof(unwind_word);
  static constexpr uint32_t kBlocks = UNWIND_SLAB_WORDS / kBlockWords;

  struct Slab {
    base::UniqueFd fd;
    unwind_word* words = nullptr;
    std::bitset<kBlocks> taken;
    uint32_t free_blocks = kBlocks;
  };
  struct Freed {
    Extent extent;
    uint64_t at_ns = 0;
  };
  struct Retired {
    std::unique_ptr<Slab> slab;
    uint64_t at_ns = 0;
  };

  [[nodiscard]] base::Result<uint32_t> add_slab();
  static uint32_t blocks_of(uint32_t words) { return (words + kBlockWords - 1) / kBlockWords; }
  void mark(Extent extent, bool taken);
  static void unmap(Slab& slab);

  base::UniqueFd outer_;
  kernel::SlabSource& source_;
  size_t most_slabs_;
  std::vector<std::unique_ptr<Slab>> slabs_;  ///< by number; nullptr: none
  std::deque<Freed> freed_;                   ///< oldest first
  uint64_t freed_blocks_ = 0;
  std::deque<Retired> retired_;  ///< in no array any more, but still read perhaps
};

}  // namespace hostlens::probes
