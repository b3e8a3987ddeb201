// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "exporters/prometheus/render.h"
#include "io/prometheus/client/metrics.pb.h"
#include "unit/exporters/prometheus/sample_snapshot.h"

namespace hostlens::exporters::prometheus {
namespace {

namespace pb = io::prometheus::client;

std::map<std::string, pb::MetricFamily> decoded(const model::MetricSnapshot& snapshot) {
  const Exposition page = render(snapshot,
                                 "application/vnd.google.protobuf;"
                                 "proto=io.prometheus.client.MetricFamily;encoding=delimited");
  EXPECT_EQ(page.content_type,
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited");
  std::map<std::string, pb::MetricFamily> families;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(page.body.data()),
                                                static_cast<int>(page.body.size()));
  uint32_t length = 0;
  while (stream.ReadVarint32(&length)) {
    const auto limit = stream.PushLimit(static_cast<int>(length));
    pb::MetricFamily family;
    EXPECT_TRUE(family.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage());
    stream.PopLimit(limit);
    EXPECT_TRUE(families.emplace(family.name(), family).second) << family.name();
  }
  EXPECT_EQ(stream.CurrentPosition(), static_cast<int>(page.body.size()));
  return families;
}

std::string labels_of(const pb::Metric& metric) {
  std::string text;
  for (const pb::LabelPair& label : metric.label())
    text += label.name() + "=" + label.value() + ";";
  return text;
}

TEST(ProtobufWriterTest, WritesEveryFamilyOnce) {
  const auto families = decoded(sample_snapshot());
  ASSERT_EQ(families.size(), 5u);
  const pb::MetricFamily& records = families.at("hostlens_records_total");
  EXPECT_EQ(records.type(), pb::COUNTER);
  EXPECT_EQ(records.help(), "Records by \"stage\"\\\nand outcome.");
  EXPECT_EQ(labels_of(records.metric(0)), "service_name=hostlens;outcome=received;stage=kernel;");
  EXPECT_EQ(records.metric(0).counter().value(), 9007199254740992.0);
  EXPECT_EQ(records.metric(0).counter().exemplar().label(0).value(),
            "0a0b0000000000000000000000000000");
  EXPECT_EQ(families.at("http_server_active_requests").type(), pb::GAUGE);
  EXPECT_EQ(families.at("http_server_active_requests").metric(0).gauge().value(), 3);
  EXPECT_EQ(labels_of(families.at("hostlens_records_held").metric(0)),
            "service_name=hostlens;stage=ke\"rn\\el\n;");
  EXPECT_EQ(families.at("target_info").metric_size(), 2);
  EXPECT_EQ(families.at("target_info").metric(1).gauge().value(), 1);
}

TEST(ProtobufWriterTest, HistogramsCarryBothForms) {
  const auto families = decoded(sample_snapshot());
  const pb::MetricFamily& family = families.at("http_server_request_duration_seconds");
  EXPECT_EQ(family.type(), pb::HISTOGRAM);
  EXPECT_EQ(family.unit(), "seconds");
  const pb::Histogram& histogram = family.metric(0).histogram();
  EXPECT_EQ(histogram.sample_count(), 4u);
  EXPECT_EQ(histogram.sample_sum(), 10.6);
  EXPECT_EQ(histogram.created_timestamp().seconds(), 1'700'000'000);

  ASSERT_EQ(histogram.bucket_size(), 19);
  EXPECT_EQ(histogram.bucket(12).upper_bound(), 0.5);
  EXPECT_EQ(histogram.bucket(12).cumulative_count(), 3u);
  EXPECT_EQ(histogram.bucket(12).exemplar().value(), 0.3);
  EXPECT_EQ(histogram.bucket(12).exemplar().label(1).value(), "c000000000000000");

  EXPECT_EQ(histogram.schema(), 0);
  EXPECT_GT(histogram.zero_threshold(), 0);
  EXPECT_EQ(histogram.zero_count(), 1u);
  ASSERT_EQ(histogram.positive_span_size(), 2);
  EXPECT_EQ(histogram.positive_span(0).offset(), -1) << "(0.25, 0.5] ends at 2^-1";
  EXPECT_EQ(histogram.positive_span(1).offset(), 4) << "(8, 16] ends at 2^4";
  ASSERT_EQ(histogram.positive_delta_size(), 2);
  EXPECT_EQ(histogram.positive_delta(0), 2);
  EXPECT_EQ(histogram.positive_delta(1), -1);
  ASSERT_EQ(histogram.exemplars_size(), 1);
  EXPECT_EQ(histogram.exemplars(0).timestamp().nanos(), 7);
}

TEST(ProtobufWriterTest, AnEmptyHistogramIsStillNative) {
  auto snapshot = sample_snapshot();
  snapshot.families[0].points[0].value = model::ExponentialHistogram{};
  const auto families = decoded(snapshot);
  const pb::Histogram& histogram =
      families.at("http_server_request_duration_seconds").metric(0).histogram();
  EXPECT_EQ(histogram.sample_count(), 0u);
  EXPECT_GT(histogram.zero_threshold(), 0);
  EXPECT_EQ(histogram.positive_span_size(), 0);
}

TEST(ProtobufWriterTest, AnExemplarBeyondTheLastBoundaryHasItsBucket) {
  auto snapshot = sample_snapshot();
  snapshot.families[0].points[0].exemplars[0].value = 15;
  const auto families = decoded(snapshot);
  const pb::Histogram& histogram =
      families.at("http_server_request_duration_seconds").metric(0).histogram();
  ASSERT_EQ(histogram.bucket_size(), 20);
  EXPECT_TRUE(std::isinf(histogram.bucket(19).upper_bound()));
  EXPECT_EQ(histogram.bucket(19).cumulative_count(), 4u);
  EXPECT_EQ(histogram.bucket(19).exemplar().value(), 15);
}

}  // namespace
}  // namespace hostlens::exporters::prometheus
