// SPDX-License-Identifier: Apache-2.0
// One signal's way to its collector: attempts, waits and when to give up.
#pragma once

#include <memory>
#include <mutex>
#include <random>
#include <string>

#include "exporters/batch_queue.h"
#include "exporters/otlp/encoded_request.h"
#include "exporters/otlp/reply_judgement.h"

namespace hostlens::exporters::otlp {

/// Used by its queue's thread; `problem` and `cancel_at` by any.
class Delivery {
 public:
  struct Outcome {
    enum class End { kDelivered, kRefused, kExhausted, kShutdown, kSuperseded };
    End end = End::kDelivered;
    uint64_t rejected = 0;  ///< with kDelivered
    bool absent = false;    ///< with kRefused: the receiver has no such path
  };

  Delivery(Signal signal, std::unique_ptr<HttpSender> sender, RetrySettings retry,
           TimeSource& time);

  /// Returns when the request is settled. Metrics are let go as soon as newer ones wait.
  [[nodiscard]] Outcome deliver(BatchQueue& queue, const EncodedRequest& request);
  void cancel_at(TimePoint time) { sender_->cancel_at(time); }
  [[nodiscard]] std::string problem() const;

 private:
  [[nodiscard]] std::chrono::nanoseconds back_off();
  void report(const std::string& why, const char* next);

  const Signal signal_;
  const std::unique_ptr<HttpSender> sender_;
  const RetrySettings retry_;
  TimeSource& time_;
  std::minstd_rand random_{std::random_device{}()};
  /// These outlive a request: a new one does not knock sooner at a door that just stayed closed.
  unsigned failures_ = 0;
  TimePoint not_before_{};
  bool server_asked_ = false;  ///< the wait is the server's wish, so a stop does not cut it short

  mutable std::mutex mutex_;
  std::string problem_;
};

}  // namespace hostlens::exporters::otlp
