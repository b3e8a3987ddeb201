// SPDX-License-Identifier: Apache-2.0
// The tables of kernel signals, as the worker reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/kernel_signal.h"
#include "records/signal.h"

namespace hostlens::probes {

/// -1: not there.
struct SignalTableFds {
  int control = -1;
  std::array<int, 2> distributions{-1, -1};
  std::array<int, 2> counts{-1, -1};
  int books = -1;
  int service_cgroups = -1;
  int oom_kills = -1;
  int listeners = -1;          ///< link of the iterator, for a ListenerReader
  int system_call_books = -1;  ///< for read_system_call_books
};

/// Totals since the probes were loaded.
struct SignalBooks {
  uint64_t observed = 0;        ///< observations that should be in a table
  uint64_t lost = 0;            ///< of these, lost: no room or memory for their key
  uint64_t merged = 0;          ///< of these, without their owner
  uint64_t unknown_thread = 0;  ///< switches of threads without state
  uint64_t estimated = 0;       ///< not made: one that was made stands for them
  uint64_t unseen_switch = 0;   ///< of targets: the kernel counted but did not show them
  uint64_t untracked = 0;       ///< requests to disks that were not followed: too many in flight
  uint64_t untimed_accept = 0;  ///< connections whose wait for accept(2) was not measured
};

/// The kernel's programs write into one table while the other is read and emptied: an observation
/// is in one reading and one only. Needs descriptors that may write, no privilege beyond them
/// (before Linux 6.0: CAP_BPF). One thread.
class SignalTables {
 public:
  struct Owned {
    base::UniqueFd control;
    std::array<base::UniqueFd, 2> distributions;
    std::array<base::UniqueFd, 2> counts;
    base::UniqueFd books;
    base::UniqueFd service_cgroups;  ///< may be empty
  };
  using OnDistribution = std::function<void(const signal_key&, const model::SignalDistribution&)>;
  using OnCount = std::function<void(const signal_key&, uint64_t)>;

  /// kInvalid: other maps than those.
  [[nodiscard]] static base::Result<SignalTables> open(Owned maps);

  /// What is executed in these cgroups (v2 ids) is counted under the cgroup, not under the process.
  [[nodiscard]] base::Result<void> set_service_cgroups(const std::vector<uint64_t>& ids);

  /// From now on the programs write into the other table.
  [[nodiscard]] base::Result<void> turn();
  /// Reads and empties the table that was turned away from. A millisecond after turn() at the
  /// earliest: a program that runs then may still be adding to it.
  [[nodiscard]] base::Result<void> take(const OnDistribution& distribution, const OnCount& count);
  [[nodiscard]] base::Result<SignalBooks> books();

 private:
  SignalTables(Owned maps, size_t cpus);
  /// Reads and empties a table, then puts those keys into it again that had something, with
  /// nothing: next time the programs find them there. Allocating in a hook of the scheduler may
  /// fail.
  template <typename Value, typename Use>
  [[nodiscard]] base::Result<void> take_all(int map, uint32_t& kept, Use use);
  void put_back(int map, const std::vector<signal_key>& keys, uint32_t& kept);

  Owned maps_;
  size_t cpus_;
  std::set<uint64_t> service_cgroups_;
  uint32_t active_ = 0;
  std::array<uint32_t, 2> kept_distributions_{};  ///< keys that each table has from the start
  std::array<uint32_t, 2> kept_counts_{};
  std::vector<signal_key> keys_;
  std::vector<std::byte> values_;
};

}  // namespace hostlens::probes
