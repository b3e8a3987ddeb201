// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_metrics.h"

#include <gtest/gtest.h>

#include <map>

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "unit/exporters/samples.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest;

TEST(EncodeMetricsTest, PointsStandBelowTheirServiceInTheFormOfTheirKind) {
  const auto encoded = encode_metrics(*sample_snapshot());
  ASSERT_EQ(encoded.size(), 1U);
  EXPECT_EQ(encoded[0].items, 5U);
  ExportMetricsServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(encoded[0].body));
  ASSERT_EQ(request.resource_metrics_size(), 2);
  const auto& shop = request.resource_metrics(0);
  EXPECT_EQ(shop.resource().attributes(0).value().string_value(), "shop");
  ASSERT_EQ(shop.scope_metrics(0).metrics_size(), 4);
  const auto& duration = shop.scope_metrics(0).metrics(0);
  EXPECT_EQ(duration.name(), "http.server.request.duration");
  EXPECT_EQ(duration.unit(), "s");
  EXPECT_EQ(duration.exponential_histogram().aggregation_temporality(), 2);
  const auto& point = duration.exponential_histogram().data_points(0);
  EXPECT_EQ(point.start_time_unix_nano(), 1'000U);
  EXPECT_EQ(point.time_unix_nano(), 2'000U);
  EXPECT_EQ(point.count(), 10U);
  EXPECT_EQ(point.sum(), 2.5);
  EXPECT_EQ(point.scale(), 3);
  EXPECT_EQ(point.zero_count(), 1U);
  EXPECT_EQ(point.positive().offset(), -2);
  ASSERT_EQ(point.positive().bucket_counts_size(), 3);
  EXPECT_EQ(point.positive().bucket_counts(2), 5U);
  EXPECT_EQ(point.max(), 1.5);
  EXPECT_EQ(point.exemplars(0).as_double(), 0.25);
  EXPECT_EQ(point.exemplars(0).span_id().size(), 8U);
  const auto& records = shop.scope_metrics(0).metrics(1);
  EXPECT_TRUE(records.sum().is_monotonic());
  EXPECT_EQ(records.sum().aggregation_temporality(), 2);
  const auto& connections = shop.scope_metrics(0).metrics(2);
  EXPECT_FALSE(connections.sum().is_monotonic());
  EXPECT_EQ(connections.sum().data_points(0).as_int(), -3);
  EXPECT_EQ(shop.scope_metrics(0).metrics(3).gauge().data_points(0).as_double(), 0.75);
  const auto& agent = request.resource_metrics(1);
  EXPECT_EQ(agent.resource().attributes(0).value().string_value(), "hostlens");
  EXPECT_EQ(agent.scope_metrics(0).metrics(0).sum().data_points(0).as_int(), 5'000'000'000);
}

TEST(EncodeMetricsTest, NoPointsMakeNoRequest) {
  EXPECT_TRUE(encode_metrics(model::MetricSnapshot{}).empty());
}

TEST(EncodeMetricsTest, AnEmptyHistogramHasNoExtremes) {
  model::MetricSnapshot snapshot;
  snapshot.families = {{"h",
                        "",
                        "s",
                        model::MetricKind::kHistogram,
                        {{nullptr, {}, 1, model::ExponentialHistogram{}, {}}}}};
  ExportMetricsServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(encode_metrics(snapshot).at(0).body));
  const auto& point =
      request.resource_metrics(0).scope_metrics(0).metrics(0).exponential_histogram().data_points(
          0);
  EXPECT_FALSE(point.has_min());
  EXPECT_FALSE(point.has_max());
}

TEST(EncodeMetricsTest, ManyPointsAreCutIntoRequestsThatLoseNone) {
  constexpr size_t kLimit = 20'000;
  model::MetricSnapshot snapshot;
  const auto service = sample_process()->service;
  for (int family = 0; family < 10; ++family) {
    model::MetricFamily added{
        "f" + std::to_string(family), "", "1", model::MetricKind::kCounter, {}};
    for (int64_t i = 0; i < 200; ++i) {
      added.points.push_back({service, {{"n", i}}, 1, i, {}});
    }
    snapshot.families.push_back(std::move(added));
  }
  const auto encoded = encode_metrics(snapshot, kLimit);
  EXPECT_GT(encoded.size(), 2U);
  std::map<std::string, int> points;
  for (const EncodedRequest& part : encoded) {
    EXPECT_LE(part.body.size(), kLimit);
    ExportMetricsServiceRequest request;
    ASSERT_TRUE(request.ParseFromString(part.body));
    for (const auto& metric : request.resource_metrics(0).scope_metrics(0).metrics()) {
      EXPECT_TRUE(metric.sum().is_monotonic());
      points[metric.name()] += metric.sum().data_points_size();
    }
  }
  ASSERT_EQ(points.size(), 10U);
  for (const auto& [name, count] : points) EXPECT_EQ(count, 200) << name;
}

}  // namespace
}  // namespace hostlens::exporters::otlp
