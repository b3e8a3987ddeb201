// SPDX-License-Identifier: Apache-2.0
// The last two readings of the host, and what came between them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "model/metric.h"
#include "web/host_rows.h"

namespace hostlens::web {

/// A reading of one source; null families: there is none.
struct HostReading {
  std::shared_ptr<const std::vector<model::MetricFamily>> families;
  uint64_t monotonic_ns = 0;
};

struct HostReadings {
  HostReading before, now;
};

/// Rows by the table in host_window.cpp, in its order: sums over what the page does not tell apart,
/// bounded in number. Differences are taken series by series, so what expires takes nothing with
/// it, and a counter of the host that was not seen before (a disk that appeared) gained nothing
/// yet. Ages are as of `now_ns`.
[[nodiscard]] HostRows host_rows(const HostReadings& files, const HostReadings& kernel,
                                 uint64_t now_ns);

/// Filled by the shard's thread, asked by the server's. Of the reading before
/// the last it keeps what host_rows wants of it.
class HostWindow {
 public:
  /// The same families again are no new reading. CLOCK_MONOTONIC of the reading.
  void take_files(HostReading reading) { take(std::move(reading), files_); }
  void take_kernel(HostReading reading) { take(std::move(reading), kernel_); }

  [[nodiscard]] HostRows rows(uint64_t now_ns) const {
    std::unique_lock lock(mutex_);
    const HostReadings files = files_;
    const HostReadings kernel = kernel_;
    lock.unlock();
    return host_rows(files, kernel, now_ns);
  }

 private:
  void take(HostReading reading, HostReadings& into);

  mutable std::mutex mutex_;
  HostReadings files_, kernel_;
};

}  // namespace hostlens::web
