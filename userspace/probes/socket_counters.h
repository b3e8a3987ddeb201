// SPDX-License-Identifier: Apache-2.0
// The socket probe's own books, kept in the kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::probes {

/// Totals since the probe was loaded, over all CPUs.
struct SocketCounters {
  uint64_t wanted = 0;          ///< data records that should reach userspace
  uint64_t ring_full = 0;       ///< of these, lost: no room in the data ring
  uint64_t copy_failed = 0;     ///< of these, lost: the user's buffer could not be read
  uint64_t storage_failed = 0;  ///< of these, lost: no memory for the connection's state
  uint64_t control_full = 0;    ///< control records lost: no room in the control ring
  uint64_t length_only = 0;     ///< records without payload (not lost)
};

/// Reads them through a read-only descriptor of the map; needs no privilege. One thread.
class SocketCounterReader {
 public:
  [[nodiscard]] static base::Result<SocketCounterReader> open(base::UniqueFd map);
  [[nodiscard]] base::Result<SocketCounters> read();

 private:
  SocketCounterReader(base::UniqueFd map, size_t cpus) : map_(std::move(map)), values_(cpus) {}

  base::UniqueFd map_;
  std::vector<uint64_t> values_;  ///< one per possible CPU
};

}  // namespace hostlens::probes
