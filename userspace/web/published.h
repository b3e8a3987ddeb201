// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "model/metric.h"

namespace hostlens::web {

/// Where the shard leaves its latest snapshot for the server's thread: only a pointer changes
/// hands.
class Published {
 public:
  void publish(std::shared_ptr<const model::MetricSnapshot> snapshot, uint64_t now_ns) {
    {
      const std::lock_guard lock(mutex_);
      snapshot.swap(snapshot_);
    }
    published_ns_.store(now_ns, std::memory_order_relaxed);
    // The previous snapshot, if this was its last holder, is freed here, outside the lock.
  }
  [[nodiscard]] std::shared_ptr<const model::MetricSnapshot> snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }
  /// CLOCK_MONOTONIC of the last publish, 0: none yet.
  [[nodiscard]] uint64_t published_ns() const {
    return published_ns_.load(std::memory_order_relaxed);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const model::MetricSnapshot> snapshot_;
  std::atomic<uint64_t> published_ns_{0};
};

}  // namespace hostlens::web
