// SPDX-License-Identifier: Apache-2.0
// What the sampler counted of itself, kept in the kernel.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "records/profile.h"

namespace hostlens::probes {

/// Totals since the probe was loaded, over all CPUs. The outcomes add up to `samples`.
struct ProfileBooks {
  std::array<uint64_t, PROFILE_OUTCOME_COUNT> outcomes{};  ///< by enum profile_outcome
  uint64_t samples = 0;                                    ///< that should reach userspace
  uint64_t ring_full = 0;                                  ///< of these, lost: no room in the ring
  uint64_t guessed = 0;  ///< of these, with a caller found by a frame pointer for want of a row
  uint64_t notices = 0;  ///< that should reach userspace
  uint64_t notices_lost = 0;    ///< of these, lost: no room in their ring
  uint64_t processes_lost = 0;  ///< processes whose stacks are never unwound: too many at a time
  uint64_t raw = 0;             ///< stacks sent as they are
  uint64_t raw_lost = 0;        ///< not sent: over the budget, no room, or not in memory
  /// Off CPU, of enum profile_book.
  uint64_t thread_unknown = 0;
  uint64_t unseen_switch = 0;
  uint64_t over_budget = 0;
  uint64_t lost_ns = 0;
  uint64_t sampler_ns = 0;    ///< that samples of CPUs took in the kernel
  uint64_t sampler_runs = 0;  ///< how many these were
  /// Samples by what became of their Python frames: enum python_outcome.
  std::array<uint64_t, PYTHON_OUTCOME_COUNT> python{};
};

/// `map`: ProfileProbe::Maps::books, which may be read-only. No privilege. Any thread.
[[nodiscard]] base::Result<ProfileBooks> read_profile_books(int map);

}  // namespace hostlens::probes
