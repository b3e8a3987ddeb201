// SPDX-License-Identifier: Apache-2.0
// Debug files from servers, one after the other on a thread of its own, so that nobody who names
// frames ever waits for a network.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/debug_cache.h"
#include "symbols/debuginfod/debug_servers.h"
#include "symbols/debuginfod/outcome.h"

namespace hostlens::symbols {

/// Which build ids wait, and which are not to be asked for yet. Not thread-safe.
class DownloadQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// Until a file that no server has, or that was no good, is asked for again.
  static constexpr std::chrono::hours kRefusedFor{24};
  /// The same where the answer may be another one soon.
  static constexpr std::chrono::minutes kPassingFor{10};
  static constexpr size_t kMostWaiting = 1'024;
  static constexpr size_t kMostRefused = 16'384;

  /// Whether it waits now; not if it is refused still, or too many wait.
  bool add(const std::string& build_id, TimePoint now);
  [[nodiscard]] bool is_empty() const { return waiting_.empty(); }
  [[nodiscard]] size_t size() const { return waiting_.size(); }
  /// The one that waits for the longest time, which goes on waiting until it is ended. Not empty.
  [[nodiscard]] const std::string& first() const { return waiting_.front(); }
  void end_first(Download outcome, TimePoint now);
  /// Those whose time is over: they may be added again. Empty most of the time.
  [[nodiscard]] std::vector<std::string> take_forgiven(TimePoint now);
  [[nodiscard]] size_t refused() const { return refused_.size(); }

 private:
  std::vector<std::string> waiting_;               ///< few
  std::map<std::string, TimePoint> refused_;       ///< until when
  std::multimap<TimePoint, std::string> by_time_;  ///< the same
};

/// From construction to destruction, which ends a download. Each method for one thread, but
/// figures() and waiting() for any.
class SymbolDownloads {
 public:
  /// `cache` must outlive it; it is used by both threads.
  [[nodiscard]] static base::Result<std::unique_ptr<SymbolDownloads>> start(
      DebuginfodSettings settings, kernel::DebugCache& cache);
  ~SymbolDownloads();
  SymbolDownloads(const SymbolDownloads&) = delete;
  SymbolDownloads& operator=(const SymbolDownloads&) = delete;

  /// What is in the cache; kNotFound: it is not, and may be soon. Never waits for a server.
  [[nodiscard]] base::Result<base::UniqueFd> open(const std::string& build_id);
  /// Build ids for which open() may answer otherwise than before.
  [[nodiscard]] std::vector<std::string> take_changed();
  /// Waits until none is under way, or all servers are left alone, or `patience` is over. `step` is
  /// called every now and then with how many are.
  void wait(std::chrono::nanoseconds patience, const std::function<void(size_t)>& step);

  [[nodiscard]] size_t waiting() const;
  [[nodiscard]] DownloadCounts counts() const;

 private:
  explicit SymbolDownloads(kernel::DebugCache& cache) : cache_(cache) {}
  void run();

  kernel::DebugCache& cache_;
  std::unique_ptr<DebugServers> servers_;  ///< the thread's, but for cancel
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  DownloadQueue queue_;
  std::vector<std::string> arrived_;
  DownloadCounts counts_{};
  bool resting_ = false;  ///< all servers are left alone for a while
  bool stopping_ = false;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::symbols
