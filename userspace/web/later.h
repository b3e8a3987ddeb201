// SPDX-License-Identifier: Apache-2.0
// An answer that takes its time: the connection waits, the server's thread does not.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "web/http_server.h"

namespace hostlens::web {

/// Whoever answers calls `set`, on any thread; the first answer counts. The server asks to be told
/// once, and takes it.
class Later {
 public:
  void set(Response response) {
    std::function<void()> tell;
    {
      const std::lock_guard lock(mutex_);
      if (done_) return;
      done_ = true;
      response_ = std::move(response);
      tell = std::exchange(tell_, nullptr);
    }
    if (tell) tell();
  }
  /// Calls `tell` when the answer is there: now, if it is already.
  void when_set(std::function<void()> tell) {
    {
      const std::lock_guard lock(mutex_);
      if (!done_) {
        tell_ = std::move(tell);
        return;
      }
    }
    tell();
  }
  /// nullopt: not there yet, or taken.
  [[nodiscard]] std::optional<Response> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(response_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  bool done_ = false;
  std::optional<Response> response_;
  std::function<void()> tell_;
};

}  // namespace hostlens::web
