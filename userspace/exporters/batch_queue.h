// SPDX-License-Identifier: Apache-2.0
// The thread and the bounded queue that every push exporter has, with the books of its stage.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/ledger.h"
#include "base/result.h"
#include "exporters/time_source.h"
#include "model/metric.h"
#include "model/profile_batch.h"
#include "model/span.h"

namespace hostlens::exporters {

/// What the consumer gets at once: spans or profiles, metrics. Never empty.
struct Batch {
  std::vector<std::shared_ptr<const model::SpanBatch>> spans;
  std::vector<std::shared_ptr<const model::ProfileBatch>> profiles;
  uint64_t items = 0;  ///< spans, or samples of the profiles
  std::shared_ptr<const model::MetricSnapshot> metrics;
};

struct BatchQueueSettings {
  std::string thread_name;  ///< at most 15 characters
  base::Stage stage{};
  size_t bytes = 8U << 20;                    ///< of these in memory, those being sent included
  uint64_t due_items = 512;                   ///< a batch is handed out at this size
  std::chrono::milliseconds due_after{1000};  ///< or at this age
  /// A batch ends when it holds as much: bounds what one refusal loses and what a request costs.
  size_t batch_bytes = 2U << 20;
};

/// Spans and profiles wait in order; when there is no room the oldest waiting are let go, because
/// after an outage the last minutes help more than those before. Of metrics only the newest
/// snapshot is kept: they are cumulative, so a later one replaces an earlier one without loss.
///
/// Books, in spans or in samples: received (`expect`, before `push`) and dropped{queue_full,
/// shutdown} of what waits are counted here; what was handed to the consumer is the consumer's to
/// count as forwarded or dropped, each one once.
class BatchQueue {
 public:
  /// Runs on the queue's own thread, one call at a time.
  using Consumer = std::function<void(BatchQueue&, const Batch&)>;

  [[nodiscard]] static base::Result<std::unique_ptr<BatchQueue>> create(BatchQueueSettings settings,
                                                                        base::Ledger ledger,
                                                                        TimeSource& time,
                                                                        Consumer consumer);
  ~BatchQueue();  ///< shutdown without waiting
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  void expect(uint64_t items) const { ledger_.received(settings_.stage, items); }
  void push(std::shared_ptr<const model::SpanBatch> spans);
  void push(std::shared_ptr<const model::ProfileBatch> profile);
  void push(std::shared_ptr<const model::MetricSnapshot> metrics);
  bool flush(TimePoint deadline);
  void shutdown(TimePoint deadline);

  /// For the consumer. False: the stop's deadline comes first, give up. A wait that `may_cut` ends
  /// early when a stop begins: the last chance for what is held.
  bool pause_until(TimePoint time, bool may_cut);
  [[nodiscard]] bool newer_metrics() const;
  /// When the consumer must have returned; nullopt while no stop was asked for.
  [[nodiscard]] std::optional<TimePoint> stop_at() const;

 private:
  struct Waiting {
    std::shared_ptr<const model::SpanBatch> spans;       ///< either this one
    std::shared_ptr<const model::ProfileBatch> profile;  ///< or this one
    uint64_t items = 0;
    size_t bytes = 0;
    TimePoint since;
  };

  BatchQueue(BatchQueueSettings settings, base::Ledger ledger, TimeSource& time, Consumer consumer);
  void push(Waiting entry);
  void run();
  [[nodiscard]] bool empty() const { return waiting_.empty() && metrics_ == nullptr; }
  [[nodiscard]] bool due() const;
  [[nodiscard]] Batch take();

  const BatchQueueSettings settings_;
  const base::Ledger ledger_;
  TimeSource& time_;
  const Consumer consumer_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Waiting> waiting_;
  std::shared_ptr<const model::MetricSnapshot> metrics_;
  size_t held_bytes_ = 0;  ///< waiting and handed out
  size_t handed_out_bytes_ = 0;
  uint64_t waiting_items_ = 0;
  bool busy_ = false;
  bool urgent_ = false;
  std::optional<TimePoint> stop_at_;
  std::thread thread_;  ///< last: it uses all of the above
};

/// Memory that a span holds, its share of the process not counted.
[[nodiscard]] size_t memory_bytes(const model::Span& span);

}  // namespace hostlens::exporters
