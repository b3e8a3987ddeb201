// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/names.h"

#include <gtest/gtest.h>

namespace hostlens::exporters::prometheus {
namespace {

using model::MetricKind;

struct Case {
  std::string_view name;
  std::string_view unit;
  MetricKind kind;
  std::string_view translated;
  std::string_view unit_word;
};

TEST(NamesTest, TranslatesFamiliesByTheStandardRules) {
  const Case cases[] = {
      {"http.server.request.duration", "s", MetricKind::kHistogram,
       "http_server_request_duration_seconds", "seconds"},
      {"http.server.response.body.size", "By", MetricKind::kHistogram,
       "http_server_response_body_size_bytes", "bytes"},
      {"http.server.active_requests", "{request}", MetricKind::kUpDownCounter,
       "http_server_active_requests", ""},
      {"hostlens.records", "{record}", MetricKind::kCounter, "hostlens_records", ""},
      {"hostlens.records.held", "{record}", MetricKind::kGauge, "hostlens_records_held", ""},
      {"system.cpu.utilization", "1", MetricKind::kGauge, "system_cpu_utilization_ratio", "ratio"},
      {"calls", "1", MetricKind::kCounter, "calls", ""},
      {"already.total", "", MetricKind::kCounter, "already", ""},
      {"io.bytes", "By", MetricKind::kCounter, "io_bytes", "bytes"},
      {"io.bytes.used", "By", MetricKind::kGauge, "io_bytes_used", ""},
      {"megabytes", "By", MetricKind::kGauge, "megabytes_bytes", "bytes"},
      {"speed", "m/s", MetricKind::kGauge, "speed_meters_per_second", "meters_per_second"},
      {"rate", "{request}/s", MetricKind::kGauge, "rate_per_second", "per_second"},
      {"odd", "furlong^2", MetricKind::kGauge, "odd_furlong_2", "furlong_2"},
      {"a..b--c", "", MetricKind::kGauge, "a_b_c", ""},
      {"5xx", "", MetricKind::kGauge, "_5xx", ""},
      {"", "", MetricKind::kGauge, "_", ""},
      {"ns:rule", "", MetricKind::kGauge, "ns:rule", ""},
      {"gr\xC3\xB6\xC3\x9F\x65", "", MetricKind::kGauge, "gr_e", ""},
  };
  for (const Case& each : cases) {
    const FamilyName family = family_name(each.name, each.unit, each.kind);
    EXPECT_EQ(family.name, each.translated) << each.name;
    EXPECT_EQ(family.unit, each.unit_word) << each.name;
  }
}

TEST(NamesTest, TranslatesLabels) {
  EXPECT_EQ(label_name("http.response.status_code"), "http_response_status_code");
  EXPECT_EQ(label_name("otel.metric.overflow"), "otel_metric_overflow");
  EXPECT_EQ(label_name("__name__"), "_name_") << "two underscores are Prometheus' own";
  EXPECT_EQ(label_name("9lives"), "key_9lives");
  EXPECT_EQ(label_name(""), "key_");
  EXPECT_EQ(label_name("le"), "key_le");
  EXPECT_EQ(label_name("quantile"), "key_quantile");
  EXPECT_EQ(label_name("a:b"), "a_b");
  EXPECT_LE(label_name(std::string(5000, '9')).size(), kMaxLabelNameBytes);
}

}  // namespace
}  // namespace hostlens::exporters::prometheus
