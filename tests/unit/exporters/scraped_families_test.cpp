// SPDX-License-Identifier: Apache-2.0
// What was scraped of the host leaves like everything else of a snapshot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "exporters/otlp/encode_metrics.h"
#include "exporters/prometheus/render.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"

namespace hostlens::exporters {
namespace {

using model::MetricFamily;
using model::MetricKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::shared_ptr<const model::Service> service(std::string name) {
  auto made = std::make_shared<model::Service>();
  made->name = name;
  made->resource = {{"service.name", name}};
  return made;
}

MetricFamily family(std::string name, std::string unit, MetricKind kind, model::MetricPoint point) {
  return {std::move(name), "What it says.", std::move(unit), kind, {std::move(point)}};
}

/// One family of the snapshot's own, three that were scraped.
model::MetricSnapshot snapshot() {
  model::MetricSnapshot made;
  made.unix_ns = 2'000;
  made.agent = service("hostlens");
  made.families = {family("hostlens.records", "", MetricKind::kCounter,
                          {nullptr, {{"stage", "kernel"}}, 1, int64_t{5}, {}})};
  made.scraped = std::make_shared<const std::vector<MetricFamily>>(std::vector<MetricFamily>{
      family("system.cpu.time", "s", MetricKind::kCounter,
             {nullptr, {{"cpu.mode", "user"}}, 1, 1.5, {}}),
      family("system.memory.usage", "By", MetricKind::kUpDownCounter,
             {nullptr, {{"system.memory.state", "used"}}, 1, int64_t{4096}, {}}),
      family("process.cpu.time", "s", MetricKind::kCounter,
             {service("shop"),
              {{"cpu.mode", "system"}, {"process.executable.name", "shopd"}},
              1,
              0.25,
              {}})});
  return made;
}

TEST(ScrapedFamiliesTest, PrometheusShowsThemWithTheirUnits) {
  const std::string page = prometheus::render(snapshot(), "").body;
  EXPECT_THAT(page, HasSubstr("\nhostlens_records_total{service_name=\"hostlens\","
                              "stage=\"kernel\"} 5\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE system_cpu_time_seconds_total counter\n"
                              "system_cpu_time_seconds_total{service_name=\"hostlens\","
                              "cpu_mode=\"user\"} 1.5\n"));
  EXPECT_THAT(page, HasSubstr("# TYPE system_memory_usage_bytes gauge\n"
                              "system_memory_usage_bytes{service_name=\"hostlens\","
                              "system_memory_state=\"used\"} 4096\n"));
  EXPECT_THAT(page, HasSubstr("\nprocess_cpu_time_seconds_total{service_name=\"shop\","
                              "cpu_mode=\"system\",process_executable_name=\"shopd\"} 0.25\n"));
  EXPECT_THAT(page, HasSubstr("target_info{service_name=\"shop\"} 1\n"));
}

TEST(ScrapedFamiliesTest, OtlpHasThemBelowTheirService) {
  const auto encoded = otlp::encode_metrics(snapshot());
  ASSERT_EQ(encoded.size(), 1U);
  EXPECT_EQ(encoded[0].items, 4U);
  opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(encoded[0].body));
  std::map<std::string, std::vector<std::string>> names;
  for (const auto& resource : request.resource_metrics()) {
    auto& own = names[resource.resource().attributes(0).value().string_value()];
    for (const auto& metric : resource.scope_metrics(0).metrics()) own.push_back(metric.name());
  }
  EXPECT_THAT(names, ElementsAre(Pair("hostlens", ElementsAre("hostlens.records", "system.cpu.time",
                                                              "system.memory.usage")),
                                 Pair("shop", ElementsAre("process.cpu.time"))));
}

}  // namespace
}  // namespace hostlens::exporters
