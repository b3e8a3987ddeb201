// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_metrics.h"

#include "base/utf8.h"
#include "exporters/otlp/encode_attributes.h"
#include "exporters/service_points.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

namespace metrics = opentelemetry::proto::metrics::v1;
using opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest;

void encode_exemplars(const model::MetricPoint& point,
                      google::protobuf::RepeatedPtrField<metrics::Exemplar>& out) {
  for (const model::Exemplar& exemplar : point.exemplars) {
    metrics::Exemplar& encoded = *out.Add();
    encoded.set_as_double(exemplar.value);
    encoded.set_time_unix_nano(exemplar.unix_ns);
    if (exemplar.trace_id == model::TraceId{}) continue;
    encoded.set_trace_id(exemplar.trace_id.data(), exemplar.trace_id.size());
    encoded.set_span_id(exemplar.span_id.data(), exemplar.span_id.size());
  }
}

template <typename Point>
void encode_common(const model::MetricPoint& point, uint64_t unix_ns, Point& out) {
  encode(point.attributes, *out.mutable_attributes());
  out.set_start_time_unix_nano(point.start_unix_ns);
  out.set_time_unix_nano(unix_ns);
  encode_exemplars(point, *out.mutable_exemplars());
}

size_t encode_point(const model::MetricPoint& point, uint64_t unix_ns,
                    metrics::NumberDataPoint& out) {
  encode_common(point, unix_ns, out);
  if (const auto* whole = std::get_if<int64_t>(&point.value)) out.set_as_int(*whole);
  if (const auto* real = std::get_if<double>(&point.value)) out.set_as_double(*real);
  return out.ByteSizeLong();
}

size_t encode_point(const model::MetricPoint& point, uint64_t unix_ns,
                    metrics::ExponentialHistogramDataPoint& out) {
  encode_common(point, unix_ns, out);
  const auto& histogram = std::get<model::ExponentialHistogram>(point.value);
  out.set_count(histogram.count);
  out.set_sum(histogram.sum);
  out.set_scale(histogram.scale);
  out.set_zero_count(histogram.zero_count);
  if (histogram.zero_threshold > 0) out.set_zero_threshold(histogram.zero_threshold);
  if (histogram.count != 0 && histogram.has_range) {  // of no values there is no smallest
    out.set_min(histogram.min);
    out.set_max(histogram.max);
  }
  out.mutable_positive()->set_offset(histogram.offset);
  out.mutable_positive()->mutable_bucket_counts()->Add(histogram.counts.begin(),
                                                       histogram.counts.end());
  return out.ByteSizeLong();
}

size_t add_point(const model::MetricPoint& point, uint64_t unix_ns, model::MetricKind kind,
                 metrics::Metric& out) {
  switch (kind) {
    case model::MetricKind::kHistogram:
      return encode_point(point, unix_ns, *out.mutable_exponential_histogram()->add_data_points());
    case model::MetricKind::kGauge:
      return encode_point(point, unix_ns, *out.mutable_gauge()->add_data_points());
    case model::MetricKind::kCounter:
    case model::MetricKind::kUpDownCounter:
      break;
  }
  return encode_point(point, unix_ns, *out.mutable_sum()->add_data_points());
}

void describe(const model::MetricFamily& family, metrics::Metric& out) {
  base::assign_utf8(*out.mutable_name(), family.name);
  base::assign_utf8(*out.mutable_description(), family.description);
  base::assign_utf8(*out.mutable_unit(), family.unit);
  if (family.kind == model::MetricKind::kHistogram) {
    out.mutable_exponential_histogram()->set_aggregation_temporality(
        metrics::AGGREGATION_TEMPORALITY_CUMULATIVE);
  } else if (family.kind != model::MetricKind::kGauge) {
    out.mutable_sum()->set_aggregation_temporality(metrics::AGGREGATION_TEMPORALITY_CUMULATIVE);
    out.mutable_sum()->set_is_monotonic(family.kind == model::MetricKind::kCounter);
  }
}

/// Opens resource, scope and metric as points come, again after each cut.
class Builder {
 public:
  Builder(uint64_t unix_ns, size_t limit_bytes) : unix_ns_(unix_ns), limit_bytes_(limit_bytes) {}

  void add(const model::Service* service, const model::MetricFamily& family,
           const model::MetricPoint& point) {
    if (bytes_ >= limit_bytes_) cut();
    if (scope_ == nullptr || service != service_) open(service);
    if (metric_ == nullptr || &family != family_) {
      metric_ = scope_->add_metrics();
      family_ = &family;
      describe(family, *metric_);
      bytes_ += metric_->ByteSizeLong() + kFraming;
    }
    bytes_ += add_point(point, unix_ns_, family.kind, *metric_) + kFraming;
    ++points_;
  }

  std::vector<EncodedRequest> finish() {
    cut();
    return std::move(done_);
  }

 private:
  static constexpr size_t kFraming = 8;  ///< tags and lengths around a part

  void open(const model::Service* service) {
    auto& resource = *request_.add_resource_metrics();
    service_ = service;
    metric_ = nullptr;
    resource.mutable_resource();
    if (service != nullptr) {
      encode(service->resource, *resource.mutable_resource()->mutable_attributes());
    }
    scope_ = resource.add_scope_metrics();
    encode_scope(*scope_->mutable_scope());
    bytes_ += resource.ByteSizeLong() + kFraming;
  }

  void cut() {
    if (points_ != 0) done_.push_back({request_.SerializeAsString(), points_});
    request_.Clear();
    scope_ = nullptr;
    metric_ = nullptr;
    points_ = 0;
    bytes_ = 0;
  }

  const uint64_t unix_ns_;
  const size_t limit_bytes_;
  ExportMetricsServiceRequest request_;
  const model::Service* service_ = nullptr;
  metrics::ScopeMetrics* scope_ = nullptr;
  const model::MetricFamily* family_ = nullptr;
  metrics::Metric* metric_ = nullptr;
  uint64_t points_ = 0;
  size_t bytes_ = 0;
  std::vector<EncodedRequest> done_;
};

}  // namespace

std::vector<EncodedRequest> encode_metrics(const model::MetricSnapshot& snapshot,
                                           size_t limit_bytes) {
  Builder builder(snapshot.unix_ns, limit_bytes);
  for (const ServicePoints& service : by_service(snapshot)) {
    for (const FamilyPoints& family : service.families) {
      for (const model::MetricPoint* point : family.points) {
        builder.add(service.service, *family.family, *point);
      }
    }
  }
  return builder.finish();
}

}  // namespace hostlens::exporters::otlp
