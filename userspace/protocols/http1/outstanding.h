// SPDX-License-Identifier: Apache-2.0
// Requests that wait for their responses, oldest first.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "model/exchange_pool.h"

namespace hostlens::protocols::http1 {

struct Outstanding {
  model::ExchangePtr exchange;  ///< never null in the queue
  bool started = false;         ///< announced to the sink
  bool request_complete = false;
  bool response_begun = false;  ///< the head of the final response is known
  bool response_done = false;
};

/// FIFO in one vector: no allocation in the steady state of one request at a time, and a connection
/// that never pipelined holds one slot. Not bounded by itself: the parser asks size() first.
class OutstandingQueue {
 public:
  [[nodiscard]] bool empty() const { return head_ == items_.size(); }
  [[nodiscard]] size_t size() const { return items_.size() - head_; }
  [[nodiscard]] Outstanding& front() { return items_[head_]; }
  [[nodiscard]] const Outstanding& front() const { return items_[head_]; }
  [[nodiscard]] Outstanding& back() { return items_.back(); }
  Outstanding& push(model::ExchangePtr exchange) {
    Outstanding& item = items_.emplace_back();
    item.exchange = std::move(exchange);
    return item;
  }
  void pop_back() { items_.pop_back(); }
  void pop_front() {
    ++head_;
    if (head_ == items_.size()) {
      clear();
    } else if (head_ >= kCompactAt) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  void clear() {
    head_ = 0;
    items_.clear();
    if (items_.capacity() > kCompactAt) items_.shrink_to_fit();
  }

 private:
  static constexpr size_t kCompactAt = 8;

  std::vector<Outstanding> items_;
  size_t head_ = 0;
};

}  // namespace hostlens::protocols::http1
