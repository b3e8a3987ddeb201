// SPDX-License-Identifier: Apache-2.0
// What a thread was serving at a moment of the recent past: joins profiles with requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/exchange.h"
#include "model/trace_context.h"

namespace hostlens::processors {

/// What is known of a request that a thread served.
struct ServedRequest {
  std::string route;  ///< may be empty
  model::TraceId trace_id{};
  model::SpanId span_id{};
};

/// A thread serves a request from the moment it reads its first byte until the last byte of the
/// response. A moment in which it has several (it answers one while another waits for a database)
/// tells nothing: the answer is kNone then, never a guess. Requests that another thread goes on
/// with are found under the thread that read them. One thread; times are CLOCK_MONOTONIC.
class ThreadActivity {
 public:
  enum class Answer : uint8_t {
    kNone,     ///< no request, or more than one
    kServing,  ///< exactly one
    kOpen,     ///< exactly one, which has not ended: its route and trace are not known yet
  };

  /// Of the server's side; others are passed over.
  void started(const model::Exchange& exchange);
  void ended(const model::Exchange& exchange);  ///< finished or dropped

  /// `request` is set with kServing.
  [[nodiscard]] Answer at(uint32_t tid, uint64_t time_ns, ServedRequest& request) const;

  /// Forgets requests that ended before; once per second.
  void forget_before(uint64_t time_ns);
  [[nodiscard]] size_t threads() const { return threads_.size(); }

 private:
  /// More threads with a request at once: what is more is not known.
  static constexpr size_t kMostThreads = 16'384;
  /// Of one thread, the youngest.
  static constexpr size_t kMostEnded = 4'096;
  static constexpr size_t kMostOpen = 256;

  struct Open {
    uint64_t exchange = 0;
    uint64_t begin_ns = 0;
  };
  struct Ended {
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    ServedRequest request;
  };
  struct Thread {
    std::vector<Open> open;
    std::deque<Ended> ended;  ///< by end
    uint64_t longest_ns = 0;  ///< of those in `ended`, at least: bounds the search
    /// Some were not kept: until then nothing is known.
    uint64_t unknown_until_ns = 0;
  };

  std::unordered_map<uint32_t, Thread> threads_;
};

}  // namespace hostlens::processors
