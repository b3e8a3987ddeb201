// SPDX-License-Identifier: Apache-2.0
// When checks run, how many at once, and what came of them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "aggregators/histogram_recorder.h"
#include "base/unique_fd.h"
#include "checks/check.h"
#include "model/check_result.h"
#include "model/metric.h"

namespace hostlens::checks {

/// Each run has a thread of its own; one that does not come back within its timeout is given up,
/// and its check is not run again before it is back. Interval and phase are random by a tenth, so
/// that checks do not march in step. Any thread may ask; the end waits a moment for runs under way
/// and ends their commands.
class CheckRunner {
 public:
  /// `make` is make_check, but in tests.
  using Make = std::function<std::unique_ptr<Check>(const CheckSettings&, const CheckEnvironment&)>;
  CheckRunner(std::vector<CheckSettings> checks, size_t at_once, CheckEnvironment environment,
              const Make& make = make_check);
  ~CheckRunner();
  CheckRunner(const CheckRunner&) = delete;
  CheckRunner& operator=(const CheckRunner&) = delete;

  [[nodiscard]] std::vector<model::CheckStatus> statuses() const;
  /// hostlens.check.duration{check,type,error.type}.
  void add_families(model::MetricSnapshot& snapshot) const;

  static constexpr size_t kMostStuck = 16;  ///< threads that do not come back; then none is begun

 private:
  /// Shared with a run's thread, which may be back after we are gone.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    base::UniqueFd cancel;
  };
  struct Run {
    std::shared_ptr<Check> check;
    uint64_t begin_ns = 0;
    uint64_t timeout_ns = 0;
    bool done = false;
    uint64_t end_ns = 0;
    model::CheckResult result;
  };
  struct Duration {
    aggregators::HistogramRecorder recorder{aggregators::HistogramRecorder::kFewBuckets};
    uint64_t start_unix_ns = 0;
  };
  struct Item {
    CheckSettings settings;
    std::shared_ptr<Check> check;
    model::CheckStatus status;
    uint64_t due_ns = 0;
    std::shared_ptr<Run> run;                   ///< under way
    bool given_up = false;                      ///< it is, and its timeout has passed
    std::map<std::string, Duration> durations;  ///< by error type
  };

  void loop();
  void collect(uint64_t now_ns);
  [[nodiscard]] bool begin(Item& item, uint64_t now_ns);
  static void record(Item& item, model::CheckResult result, uint64_t end_ns);
  [[nodiscard]] uint64_t next_event_ns(uint64_t now_ns) const;
  [[nodiscard]] uint64_t jittered(uint64_t ns);

  size_t at_once_;
  std::shared_ptr<Shared> shared_;
  std::vector<Item> items_;  ///< under the mutex
  bool ends_ = false;        ///< under the mutex
  std::minstd_rand random_;
  std::thread thread_;  ///< last: uses the others
};

}  // namespace hostlens::checks
