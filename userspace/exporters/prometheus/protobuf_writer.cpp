// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/protobuf_writer.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <limits>

#include "exporters/prometheus/histogram.h"
#include "io/prometheus/client/metrics.pb.h"

namespace hostlens::exporters::prometheus {
namespace {

namespace pb = io::prometheus::client;
using model::ExponentialHistogram;
using model::MetricKind;

void set_time(pb::Timestamp& time, uint64_t unix_ns) {
  time.set_seconds(static_cast<int64_t>(unix_ns / 1'000'000'000));
  time.set_nanos(static_cast<int32_t>(unix_ns % 1'000'000'000));
}

void add_label(pb::LabelPair& pair, const std::string& name, const std::string& value) {
  pair.set_name(name);
  pair.set_value(value);
}

void set_labels(pb::Metric& metric, const Labels& labels) {
  for (const Label& label : labels) add_label(*metric.add_label(), label.name, label.value);
}

void set_exemplar(pb::Exemplar& out, const model::Exemplar& exemplar) {
  add_label(*out.add_label(), "trace_id", model::to_hex(exemplar.trace_id));
  add_label(*out.add_label(), "span_id", model::to_hex(exemplar.span_id));
  out.set_value(exemplar.value);
  set_time(*out.mutable_timestamp(), exemplar.unix_ns);
}

void set_native(pb::Histogram& out, const ExponentialHistogram& histogram,
                std::vector<const model::Exemplar*> exemplars) {
  const auto native = native_buckets(histogram);
  if (!native) return;
  out.set_schema(native->schema);
  out.set_zero_threshold(std::max(kZeroThreshold, histogram.zero_threshold));
  out.set_zero_count(histogram.zero_count);
  for (const NativeSpan& span : native->spans) {
    pb::BucketSpan& bucket_span = *out.add_positive_span();
    bucket_span.set_offset(span.offset);
    bucket_span.set_length(span.length);
  }
  for (const int64_t delta : native->deltas) out.add_positive_delta(delta);
  // Prometheus drops exemplars that are older than one it has read before.
  std::erase(exemplars, nullptr);
  std::sort(exemplars.begin(), exemplars.end(),
            [](const auto* a, const auto* b) { return a->unix_ns < b->unix_ns; });
  for (const model::Exemplar* exemplar : exemplars) set_exemplar(*out.add_exemplars(), *exemplar);
}

void set_histogram(pb::Histogram& out, const Family& family, const model::MetricPoint& point) {
  const auto& histogram = std::get<ExponentialHistogram>(point.value);
  const auto boundaries = boundaries_for(family.otel_unit, family.octaves);
  const auto counts = cumulative_counts(histogram, boundaries);
  const auto exemplars = exemplars_by_bucket(point.exemplars, boundaries);
  out.set_sample_count(total_count(histogram));
  out.set_sample_sum(histogram.sum);
  if (point.start_unix_ns != 0) set_time(*out.mutable_created_timestamp(), point.start_unix_ns);
  for (size_t i = 0; i < boundaries.size(); ++i) {
    pb::Bucket& bucket = *out.add_bucket();
    bucket.set_cumulative_count(counts[i]);
    bucket.set_upper_bound(boundaries[i].value);
    if (exemplars[i]) set_exemplar(*bucket.mutable_exemplar(), *exemplars[i]);
  }
  if (exemplars.back()) {  // +Inf needs no bucket of its own but for this
    pb::Bucket& bucket = *out.add_bucket();
    bucket.set_cumulative_count(out.sample_count());
    bucket.set_upper_bound(std::numeric_limits<double>::infinity());
    set_exemplar(*bucket.mutable_exemplar(), *exemplars.back());
  }
  set_native(out, histogram, exemplars);
}

double number_of(const model::MetricPoint& point) {
  if (const auto* whole = std::get_if<int64_t>(&point.value)) return static_cast<double>(*whole);
  return std::get<double>(point.value);
}

void set_metric(pb::Metric& metric, const Family& family, const Series& series) {
  set_labels(metric, series.labels);
  const model::MetricPoint& point = *series.point;
  switch (family.kind) {
    case MetricKind::kHistogram:
      set_histogram(*metric.mutable_histogram(), family, point);
      break;
    case MetricKind::kCounter: {
      pb::Counter& counter = *metric.mutable_counter();
      counter.set_value(number_of(point));
      if (const auto* exemplar = youngest(point.exemplars)) {
        set_exemplar(*counter.mutable_exemplar(), *exemplar);
      }
      if (point.start_unix_ns != 0) {
        set_time(*counter.mutable_created_timestamp(), point.start_unix_ns);
      }
      break;
    }
    case MetricKind::kGauge:
    case MetricKind::kUpDownCounter:
      metric.mutable_gauge()->set_value(number_of(point));
      break;
  }
}

pb::MetricType type_of(MetricKind kind) {
  return kind == MetricKind::kCounter     ? pb::COUNTER
         : kind == MetricKind::kHistogram ? pb::HISTOGRAM
                                          : pb::GAUGE;
}

void append_delimited(std::string& out, const pb::MetricFamily& family) {
  uint8_t length[10];
  const auto bytes = static_cast<uint32_t>(family.ByteSizeLong());
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(bytes, length);
  out.append(reinterpret_cast<const char*>(length), static_cast<size_t>(end - length));
  family.AppendToString(&out);
}

template <typename Fill>
void append_family(std::string& out, Fill&& fill) {
  google::protobuf::Arena arena;
  auto& family = *google::protobuf::Arena::CreateMessage<pb::MetricFamily>(&arena);
  fill(family);
  append_delimited(out, family);
}

}  // namespace

std::string write_protobuf(const Page& page) {
  std::string out;
  for (const Family& family : page.families) {
    append_family(out, [&](pb::MetricFamily& message) {
      const bool is_counter = family.kind == MetricKind::kCounter;
      message.set_name(is_counter ? family.name.name + "_total" : family.name.name);
      message.set_help(family.help);
      message.set_type(type_of(family.kind));
      message.set_unit(family.name.unit);
      for (const Series& series : family.series) set_metric(*message.add_metric(), family, series);
    });
  }
  if (page.targets.empty()) return out;
  append_family(out, [&](pb::MetricFamily& message) {
    message.set_name("target_info");
    message.set_help(std::string(kTargetHelp));
    message.set_type(pb::GAUGE);
    for (const Labels& labels : page.targets) {
      pb::Metric& metric = *message.add_metric();
      set_labels(metric, labels);
      metric.mutable_gauge()->set_value(1);
    }
  });
  return out;
}

}  // namespace hostlens::exporters::prometheus
