// SPDX-License-Identifier: Apache-2.0
#include "exporters/batch_queue.h"

#include <algorithm>

#include "base/worker_thread.h"

namespace hostlens::exporters {
namespace {

size_t heap_bytes(const std::string& text) {
  return text.capacity() > 15 ? text.capacity() + 1 : 0;  // shorter ones live in the object
}

size_t heap_bytes(const model::Attributes& attributes) {
  size_t total = attributes.capacity() * sizeof(model::Attribute);
  for (const model::Attribute& attribute : attributes) {
    total += heap_bytes(attribute.key);
    if (const auto* text = std::get_if<std::string>(&attribute.value)) total += heap_bytes(*text);
    if (const auto* list = std::get_if<std::vector<std::string>>(&attribute.value)) {
      for (const std::string& text : *list) total += sizeof text + heap_bytes(text);
    }
  }
  return total;
}

}  // namespace

size_t memory_bytes(const model::Span& span) {
  size_t total = sizeof span + heap_bytes(span.name) + heap_bytes(span.status_message) +
                 heap_bytes(span.context.trace_state) + heap_bytes(span.attributes);
  for (const model::SpanEvent& event : span.events) {
    total += sizeof event + heap_bytes(event.name) + heap_bytes(event.attributes);
  }
  return total;
}

base::Result<std::unique_ptr<BatchQueue>> BatchQueue::create(BatchQueueSettings settings,
                                                             base::Ledger ledger, TimeSource& time,
                                                             Consumer consumer) {
  std::unique_ptr<BatchQueue> queue(
      new BatchQueue(std::move(settings), ledger, time, std::move(consumer)));
  auto thread =
      base::start_thread(queue->settings_.thread_name, [raw = queue.get()] { raw->run(); });
  if (!thread) return std::move(thread).error();
  queue->thread_ = *std::move(thread);
  return queue;
}

BatchQueue::BatchQueue(BatchQueueSettings settings, base::Ledger ledger, TimeSource& time,
                       Consumer consumer)
    : settings_(std::move(settings)),
      ledger_(ledger),
      time_(time),
      consumer_(std::move(consumer)) {}

BatchQueue::~BatchQueue() { shutdown(TimePoint::min()); }

void BatchQueue::push(std::shared_ptr<const model::SpanBatch> spans) {
  if (spans == nullptr || spans->empty()) return;
  Waiting entry{std::move(spans), nullptr, 0, 0, time_.now()};
  entry.items = entry.spans->size();
  for (const model::Span& span : *entry.spans) entry.bytes += memory_bytes(span);
  push(std::move(entry));
}

void BatchQueue::push(std::shared_ptr<const model::ProfileBatch> profile) {
  if (profile == nullptr || profile->profile.total_count() == 0) return;
  const uint64_t samples = profile->profile.total_count();
  const size_t bytes = profile->profile.bytes();
  push(Waiting{nullptr, std::move(profile), samples, bytes, time_.now()});
}

void BatchQueue::push(Waiting entry) {
  std::vector<Waiting> dropped;  // freed outside the lock
  const std::lock_guard lock(mutex_);
  if (stop_at_) {
    ledger_.dropped(settings_.stage, base::DropReason::kShutdown, entry.items);
    return;
  }
  while (held_bytes_ + entry.bytes > settings_.bytes && !waiting_.empty()) {
    held_bytes_ -= waiting_.front().bytes;
    waiting_items_ -= waiting_.front().items;
    dropped.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (held_bytes_ + entry.bytes > settings_.bytes) {
    dropped.push_back(std::move(entry));  // the rest is being sent: nothing older can be let go
  } else {
    held_bytes_ += entry.bytes;
    waiting_items_ += entry.items;
    waiting_.push_back(std::move(entry));
    // The first sets the clock of the batch, the last fills it; those between need no wake-up.
    if (waiting_.size() == 1 || waiting_items_ >= settings_.due_items) wake_.notify_one();
  }
  for (const Waiting& gone : dropped) {
    ledger_.dropped(settings_.stage, base::DropReason::kQueueFull, gone.items);
  }
}

void BatchQueue::push(std::shared_ptr<const model::MetricSnapshot> metrics) {
  const std::lock_guard lock(mutex_);
  if (stop_at_) return;
  metrics_.swap(metrics);
  wake_.notify_one();
}

bool BatchQueue::flush(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  urgent_ = true;
  wake_.notify_one();
  const bool done = idle_.wait_until(lock, deadline, [this] { return empty() && !busy_; });
  urgent_ = false;
  return done;
}

void BatchQueue::shutdown(TimePoint deadline) {
  {
    const std::lock_guard lock(mutex_);
    stop_at_ = stop_at_ ? std::min(*stop_at_, deadline) : deadline;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool BatchQueue::pause_until(TimePoint time, bool may_cut) {
  std::unique_lock lock(mutex_);
  const bool was_stopping = stop_at_.has_value();
  while (time_.now() < time) {
    if (stop_at_) {
      if (!was_stopping && may_cut) break;
      if (time > *stop_at_) return false;
    }
    time_.wait_until(wake_, lock, time);
  }
  return !stop_at_ || time_.now() < *stop_at_;
}

bool BatchQueue::newer_metrics() const {
  const std::lock_guard lock(mutex_);
  return metrics_ != nullptr;
}

std::optional<TimePoint> BatchQueue::stop_at() const {
  const std::lock_guard lock(mutex_);
  return stop_at_;
}

bool BatchQueue::due() const {
  if (empty()) return false;
  return metrics_ != nullptr || urgent_ || stop_at_ || waiting_items_ >= settings_.due_items ||
         time_.now() >= waiting_.front().since + settings_.due_after;
}

Batch BatchQueue::take() {
  Batch batch;
  batch.metrics = std::move(metrics_);
  metrics_ = nullptr;
  while (!waiting_.empty() && (batch.items == 0 || handed_out_bytes_ + waiting_.front().bytes <=
                                                       settings_.batch_bytes)) {
    Waiting& entry = waiting_.front();
    handed_out_bytes_ += entry.bytes;
    batch.items += entry.items;
    if (entry.spans != nullptr) batch.spans.push_back(std::move(entry.spans));
    if (entry.profile != nullptr) batch.profiles.push_back(std::move(entry.profile));
    waiting_.pop_front();
  }
  waiting_items_ -= batch.items;
  return batch;
}

void BatchQueue::run() {
  std::unique_lock lock(mutex_);
  while (!(stop_at_ && (empty() || time_.now() >= *stop_at_))) {
    if (due()) {
      busy_ = true;
      {
        const Batch batch = take();
        lock.unlock();
        consumer_(*this, batch);
      }
      lock.lock();
      busy_ = false;
      held_bytes_ -= handed_out_bytes_;
      handed_out_bytes_ = 0;
      if (empty()) idle_.notify_all();
    } else if (empty()) {
      wake_.wait(lock);
    } else {
      time_.wait_until(wake_, lock, waiting_.front().since + settings_.due_after);
    }
  }
  ledger_.dropped(settings_.stage, base::DropReason::kShutdown, waiting_items_);
  waiting_.clear();
  waiting_items_ = 0;
  held_bytes_ = 0;
  metrics_ = nullptr;
  idle_.notify_all();
}

}  // namespace hostlens::exporters
