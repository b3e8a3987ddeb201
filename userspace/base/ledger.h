// SPDX-License-Identifier: Apache-2.0
// The books: what each stage received, forwarded, dropped (by reason) and holds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hostlens::base {

/// Stages in the order of the data path. Two chains, because the unit changes in the middle:
///   records:   kernel -> decode -> track         (one ring record each)
///   exchanges: match -> correlate -> export_*    (one request with its response each)
/// Within a chain `forwarded` of a stage equals `received` of the next one.
enum class Stage : uint8_t {
  kKernel,     ///< socket calls of targets that the probe wanted to report
  kDecode,     ///< ring bytes -> events
  kTrack,      ///< events -> byte streams of a known connection -> protocol parser
  kMatch,      ///< requests -> exchanges
  kCorrelate,  ///< exchanges -> metrics and spans with their parents settled
  kExportOtlp,
  kExportOtlpJson,
  kExportOtlpProfiles,  ///< apart from both chains: samples of profiles
  kCount
};

enum class DropReason : uint8_t {
  kRingFull,           ///< kernel: no room in the ring buffer
  kCopyFailed,         ///< kernel: the user buffer could not be read
  kStorageFailed,      ///< kernel: no socket storage (memory)
  kMalformed,          ///< decode: record of wrong size, type or version
  kUnknownConnection,  ///< track: data of a connection whose opening was never seen
  kTrackLimit,         ///< track: too many connections, the idlest were let go
  kUndetected,         ///< track: bytes of no known protocol
  kGap,                ///< match: bytes were lost or not captured in the middle of a message
  kParse,              ///< match: the peer broke the protocol
  kOrphan,             ///< match: a response without its request (seen mid-life)
  kPipelineLimit,      ///< match: too many requests outstanding on one connection
  kAborted,    ///< match: the process ended or the record of the end was lost; not a client abort
  kQueueFull,  ///< export: the bounded queue was full
  kRejected,   ///< export: the receiver refused for good
  kRetryExhausted,  ///< export: the receiver stayed away longer than the limit
  kShutdown,        ///< export: the deadline of a stop passed
  kWorkerRestart,   ///< any: held in the memory of a worker that died
  kUnsupported,     ///< export: the receiver takes no such signal; it is asked again later
  kCount
};

[[nodiscard]] std::string_view to_string(Stage stage);
[[nodiscard]] std::string_view to_string(DropReason reason);

/// Counters in memory that the supervisor shares with the worker, so that they survive a worker's
/// death and stay monotonic. All members are relaxed atomics: any thread may add, any may read.
/// `held` is derived, never stored: received - forwarded - dropped.
struct LedgerPage {
  static constexpr uint32_t kVersion = 3;
  static constexpr size_t kStages = static_cast<size_t>(Stage::kCount);
  static constexpr size_t kReasons = static_cast<size_t>(DropReason::kCount);

  struct Books {
    std::atomic<uint64_t> received{0};
    std::atomic<uint64_t> forwarded{0};
    std::array<std::atomic<uint64_t>, kReasons> dropped{};
  };

  std::atomic<uint32_t> version{kVersion};
  /// 1 while a record of the data ring is being processed: a record that killed the worker was
  /// counted and is skipped by the next one, not retried.
  std::atomic<uint32_t> record_in_progress{0};
  /// Events that the kernel did not show to our programs; written by the supervisor.
  std::atomic<uint64_t> recursion_misses{0};
  std::atomic<uint64_t> worker_restarts{0};       ///< written by the supervisor
  std::atomic<uint64_t> ended_workers_cpu_ns{0};  ///< written by the supervisor
  std::array<Books, kStages> stages{};
};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "the page is shared between processes");

/// Thin, copyable handle on a LedgerPage that it does not own (a mapping or a test's local page).
class Ledger {
 public:
  explicit Ledger(LedgerPage& page) : page_(&page) {}

  void received(Stage stage, uint64_t count = 1) const { add(books(stage).received, count); }
  void forwarded(Stage stage, uint64_t count = 1) const { add(books(stage).forwarded, count); }
  void dropped(Stage stage, DropReason reason, uint64_t count = 1) const {
    add(books(stage).dropped[static_cast<size_t>(reason)], count);
  }
  /// For counters whose truth lives in the kernel: raise to an absolute value.
  void set_received(Stage stage, uint64_t total) const {
    books(stage).received.store(total, std::memory_order_relaxed);
  }
  void set_dropped(Stage stage, DropReason reason, uint64_t total) const {
    books(stage).dropped[static_cast<size_t>(reason)].store(total, std::memory_order_relaxed);
  }

  [[nodiscard]] uint64_t received_total(Stage stage) const { return load(books(stage).received); }
  [[nodiscard]] uint64_t forwarded_total(Stage stage) const { return load(books(stage).forwarded); }
  [[nodiscard]] uint64_t dropped_total(Stage stage, DropReason reason) const {
    return load(books(stage).dropped[static_cast<size_t>(reason)]);
  }
  [[nodiscard]] uint64_t dropped_total(Stage stage) const;
  [[nodiscard]] int64_t held(Stage stage) const;
  /// A new worker's first act: what the dead one held is dropped{worker_restart}. Returns how much.
  uint64_t write_off_held() const;
  [[nodiscard]] LedgerPage& page() const { return *page_; }

 private:
  static void add(std::atomic<uint64_t>& counter, uint64_t count) {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
  static uint64_t load(const std::atomic<uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  }
  [[nodiscard]] LedgerPage::Books& books(Stage stage) const {
    return page_->stages[static_cast<size_t>(stage)];
  }

  LedgerPage* page_;
};

}  // namespace hostlens::base
