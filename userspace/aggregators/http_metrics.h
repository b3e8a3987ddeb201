// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "aggregators/exemplar_bands.h"
#include "aggregators/family_list.h"
#include "aggregators/histogram_recorder.h"
#include "aggregators/http_key.h"
#include "aggregators/series_table.h"
#include "aggregators/settled_count.h"
#include "base/clock.h"
#include "model/exchange.h"

namespace hostlens::aggregators {

/// http.{server,client}.{request.duration, request.body.size, response.body.size, active_requests}
/// of the OpenTelemetry HTTP semantic conventions. Shard thread only.
class HttpMetrics {
 public:
  explicit HttpMetrics(size_t limit);

  void request_started(model::Exchange& exchange,
                       const std::shared_ptr<const model::Service>& service);
  void exchange_finished(model::Exchange& exchange,
                         const std::shared_ptr<const model::Service>& service,
                         const base::WallClock& clock);
  void exchange_dropped(model::Exchange& exchange);

  void set_limit(size_t limit);
  void expire(uint64_t now_ns, uint64_t idle_ns);
  /// Exemplars older than `exemplars_since_unix_ns` are left out.
  void add_families(FamilyList& list, std::vector<FamilyLoad>& loads, uint64_t now_ns,
                    uint64_t exemplars_since_unix_ns);

 private:
  struct FinishedValues {
    HistogramRecorder duration;
    HistogramRecorder request_size{HistogramRecorder::kFewBuckets};
    HistogramRecorder response_size{HistogramRecorder::kFewBuckets};
    ExemplarBands exemplars;
    [[nodiscard]] bool busy() const { return false; }
  };
  struct ActiveValues {
    SettledCount requests;
    int64_t shown = 0;  ///< as of the last snapshot
    [[nodiscard]] bool busy() const { return shown != 0 || requests.latest() != 0; }
  };
  using FinishedTable = SeriesTable<FinishedValues, HttpKey>;
  using ActiveTable = SeriesTable<ActiveValues, HttpKey>;

  static void end_active(model::Exchange& exchange, uint64_t time_ns);
  void add_side(FamilyList& list, std::vector<FamilyLoad>& loads, size_t side,
                uint64_t exemplars_since_unix_ns) const;

  std::array<FinishedTable, 2> finished_;  ///< by model::Side
  std::array<ActiveTable, 2> active_;
  uint64_t clock_ns_ = 0;  ///< the latest time seen
};

}  // namespace hostlens::aggregators
