// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_json/encode_json.h"
#include "exporters/otlp_json/json_values.h"
#include "exporters/service_points.h"

namespace hostlens::exporters::otlp_json {
namespace {

constexpr int kCumulative = 2;  ///< AggregationTemporality of the metrics schema

struct ValueEncoder {
  Json& point;

  void operator()(int64_t value) const { point["asInt"] = std::to_string(value); }
  void operator()(double value) const { point["asDouble"] = number(value); }
  void operator()(const model::ExponentialHistogram& histogram) const {
    point["count"] = integer(histogram.count);
    point["sum"] = number(histogram.sum);
    point["scale"] = histogram.scale;
    point["zeroCount"] = integer(histogram.zero_count);
    Json counts = Json::array();
    for (const uint64_t count : histogram.counts) counts.push_back(integer(count));
    point["positive"] = {{"offset", histogram.offset}, {"bucketCounts", std::move(counts)}};
    if (histogram.count != 0) {  // of no values there is no smallest
      point["min"] = number(histogram.min);
      point["max"] = number(histogram.max);
    }
  }
};

Json encode_point(const model::MetricPoint& point, uint64_t unix_ns) {
  Json json = {{"attributes", attributes(point.attributes)},
               {"startTimeUnixNano", integer(point.start_unix_ns)},
               {"timeUnixNano", integer(unix_ns)}};
  std::visit(ValueEncoder{json}, point.value);
  for (const model::Exemplar& exemplar : point.exemplars) {
    Json encoded = {{"timeUnixNano", integer(exemplar.unix_ns)},
                    {"asDouble", number(exemplar.value)}};
    if (exemplar.trace_id != model::TraceId{}) {
      encoded["spanId"] = model::to_hex(exemplar.span_id);
      encoded["traceId"] = model::to_hex(exemplar.trace_id);
    }
    json["exemplars"].push_back(std::move(encoded));
  }
  return json;
}

Json encode_family(const FamilyPoints& family, uint64_t unix_ns) {
  Json points = Json::array();
  for (const model::MetricPoint* point : family.points) {
    points.push_back(encode_point(*point, unix_ns));
  }
  Json kept = {{"dataPoints", std::move(points)}};
  Json metric = {{"name", family.family->name},
                 {"description", family.family->description},
                 {"unit", family.family->unit}};
  switch (family.family->kind) {
    case model::MetricKind::kGauge:
      metric["gauge"] = std::move(kept);
      break;
    case model::MetricKind::kCounter:
    case model::MetricKind::kUpDownCounter:
      kept["aggregationTemporality"] = kCumulative;
      kept["isMonotonic"] = family.family->kind == model::MetricKind::kCounter;
      metric["sum"] = std::move(kept);
      break;
    case model::MetricKind::kHistogram:
      kept["aggregationTemporality"] = kCumulative;
      metric["exponentialHistogram"] = std::move(kept);
      break;
  }
  return metric;
}

}  // namespace

std::string encode_metrics(const model::MetricSnapshot& snapshot) {
  Json groups = Json::array();
  for (const ServicePoints& service : by_service(snapshot)) {
    Json metrics = Json::array();
    for (const FamilyPoints& family : service.families) {
      metrics.push_back(encode_family(family, snapshot.unix_ns));
    }
    groups.push_back(
        {{"resource", resource(service.service ? &service.service->resource : nullptr)},
         {"scopeMetrics", Json::array({{{"scope", scope()}, {"metrics", std::move(metrics)}}})}});
  }
  return groups.empty() ? "" : line({{"resourceMetrics", std::move(groups)}});
}

}  // namespace hostlens::exporters::otlp_json
