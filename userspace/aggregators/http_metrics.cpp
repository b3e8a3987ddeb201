// SPDX-License-Identifier: Apache-2.0
#include "aggregators/http_metrics.h"

#include <algorithm>

namespace hostlens::aggregators {
namespace {

using model::MetricKind;

struct SideNames {
  FamilyName duration;
  FamilyName request_size;
  FamilyName response_size;
  FamilyName active;
};

/// By model::Side.
constexpr std::array<SideNames, 2> kNames = {{
    {{"http.server.request.duration", "Duration of HTTP server requests.", "s",
      MetricKind::kHistogram},
     {"http.server.request.body.size", "Size of HTTP server request bodies.", "By",
      MetricKind::kHistogram},
     {"http.server.response.body.size", "Size of HTTP server response bodies.", "By",
      MetricKind::kHistogram},
     {"http.server.active_requests", "HTTP server requests that are being served.", "{request}",
      MetricKind::kUpDownCounter}},
    {{"http.client.request.duration", "Duration of HTTP client requests.", "s",
      MetricKind::kHistogram},
     {"http.client.request.body.size", "Size of HTTP client request bodies.", "By",
      MetricKind::kHistogram},
     {"http.client.response.body.size", "Size of HTTP client response bodies.", "By",
      MetricKind::kHistogram},
     {"http.client.active_requests", "HTTP client requests that wait for their response.",
      "{request}", MetricKind::kUpDownCounter}},
}};

double duration_seconds(const model::Exchange& exchange) {
  if (exchange.end_ns <= exchange.request_start_ns) return 0;
  return static_cast<double>(exchange.end_ns - exchange.request_start_ns) * 1e-9;
}

}  // namespace

HttpMetrics::HttpMetrics(size_t limit)
    : finished_{FinishedTable(limit), FinishedTable(limit)},
      active_{ActiveTable(limit), ActiveTable(limit)} {}

void HttpMetrics::request_started(model::Exchange& exchange,
                                  const std::shared_ptr<const model::Service>& service) {
  clock_ns_ = std::max(clock_ns_, exchange.request_start_ns);
  ActiveTable& table = active_[static_cast<size_t>(exchange.side)];
  const HttpKey key = active_key(exchange, *service);
  ActiveTable::Series* series = table.find(key);
  if (series == nullptr) series = &table.admit(key, service, active_attributes(exchange));
  series->values.requests.change(exchange.request_start_ns, 1);
  exchange.active_series = series;  // it must be taken off there and nowhere else
}

void HttpMetrics::end_active(model::Exchange& exchange, uint64_t time_ns) {
  auto* const series = static_cast<ActiveTable::Series*>(exchange.active_series);
  if (series == nullptr) return;
  series->values.requests.change(time_ns, -1);
  series->changed = true;
  exchange.active_series = nullptr;
}

void HttpMetrics::exchange_finished(model::Exchange& exchange,
                                    const std::shared_ptr<const model::Service>& service,
                                    const base::WallClock& clock) {
  clock_ns_ = std::max(clock_ns_, exchange.end_ns);
  end_active(exchange, exchange.end_ns);
  FinishedTable& table = finished_[static_cast<size_t>(exchange.side)];
  const HttpKey key = finished_key(exchange, *service);
  FinishedTable::Series* series = table.find(key);
  if (series == nullptr) series = &table.admit(key, service, finished_attributes(exchange));
  FinishedValues& values = series->values;
  const double seconds = duration_seconds(exchange);
  values.duration.record(seconds);
  if (exchange.context.valid()) {
    values.exemplars.offer(seconds, clock.unix_ns(exchange.end_ns), exchange.context);
  }
  if (exchange.request_body_known) {
    values.request_size.record(static_cast<double>(exchange.request_body_bytes));
  }
  if (exchange.response_body_known && exchange.http.status != 0) {
    values.response_size.record(static_cast<double>(exchange.response_body_bytes));
  }
}

void HttpMetrics::exchange_dropped(model::Exchange& exchange) {
  // Lost on the way, so nobody knows when it ended: it is not active from here on.
  end_active(exchange, std::max(clock_ns_, exchange.request_start_ns));
}

void HttpMetrics::set_limit(size_t limit) {
  for (FinishedTable& table : finished_) table.set_limit(limit);
  for (ActiveTable& table : active_) table.set_limit(limit);
}

void HttpMetrics::expire(uint64_t now_ns, uint64_t idle_ns) {
  for (FinishedTable& table : finished_) table.expire(now_ns, idle_ns);
  for (ActiveTable& table : active_) table.expire(now_ns, idle_ns);
}

void HttpMetrics::add_families(FamilyList& list, std::vector<FamilyLoad>& loads, uint64_t now_ns,
                               uint64_t exemplars_since_unix_ns) {
  for (size_t side = 0; side < kNames.size(); ++side) {
    add_side(list, loads, side, exemplars_since_unix_ns);
    list.add(kNames[side].active, [&](model::MetricFamily& family) {
      active_[side].for_each([&](auto& series) {
        series.values.shown = series.values.requests.read(now_ns);
        list.add_point(family, series, series.attributes, series.values.shown);
      });
    });
    loads.push_back({kNames[side].active.name, active_[side].size(), active_[side].overflowed()});
  }
}

void HttpMetrics::add_side(FamilyList& list, std::vector<FamilyLoad>& loads, size_t side,
                           uint64_t exemplars_since_unix_ns) const {
  const FinishedTable& table = finished_[side];
  list.add(kNames[side].duration, [&](model::MetricFamily& family) {
    table.for_each([&](const FinishedTable::Series& series) {
      list.add_point(family, series, series.attributes, series.values.duration.snapshot())
          .exemplars = series.values.exemplars.since(exemplars_since_unix_ns);
    });
  });
  loads.push_back({kNames[side].duration.name, table.size(), table.overflowed()});

  const auto add_sizes = [&](const FamilyName& name, HistogramRecorder FinishedValues::*sizes) {
    FamilyLoad load{name.name, 0, 0};
    list.add(name, [&](model::MetricFamily& family) {
      table.for_each([&](const FinishedTable::Series& series) {
        const HistogramRecorder& recorder = series.values.*sizes;
        if (recorder.count() == 0) return;
        list.add_point(family, series, series.attributes, recorder.snapshot());
        (series.service != nullptr ? load.series : load.overflows) +=
            series.service != nullptr ? 1 : recorder.count();
      });
    });
    loads.push_back(load);
  };
  add_sizes(kNames[side].request_size, &FinishedValues::request_size);
  add_sizes(kNames[side].response_size, &FinishedValues::response_size);
}

}  // namespace hostlens::aggregators
