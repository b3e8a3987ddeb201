// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/accept.h"

#include <gtest/gtest.h>

namespace hostlens::exporters::prometheus {
namespace {

constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kOldOpenMetrics =
    "application/openmetrics-text; version=0.0.1; charset=utf-8";
constexpr std::string_view kProtobuf =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

std::string type_for(std::string_view accept) { return negotiate(accept).content_type; }

TEST(AcceptTest, GivesPrometheus2WhatItPrefers) {
  EXPECT_EQ(type_for("application/openmetrics-text;version=1.0.0,"
                     "application/openmetrics-text;version=0.0.1;q=0.75,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            kOpenMetrics);
  EXPECT_EQ(type_for("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                     "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
                     "application/openmetrics-text;version=0.0.1;q=0.75,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            kProtobuf)
      << "with native histograms switched on";
}

TEST(AcceptTest, GivesPrometheus3WhatItPrefersWithItsEscaping) {
  const std::string texts =
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
      "application/openmetrics-text;version=0.0.1;q=0.5,"
      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  EXPECT_EQ(type_for(texts), std::string(kOpenMetrics) + "; escaping=underscores");
  EXPECT_EQ(type_for("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                     "encoding=delimited;q=0.7," +
                     texts),
            kProtobuf)
      << "with scrape_native_histograms";
  EXPECT_EQ(type_for("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.4"),
            kText)
      << "with scrape_protocols set to the text formats";
}

struct Case {
  std::string_view accept;
  std::string_view content_type;
};

TEST(AcceptTest, FollowsQValuesAndParameters) {
  const Case cases[] = {
      {"", kText},
      {"*/*", kText},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kText},
      {"text/plain", kText},
      {"text/*", kText},
      {"TEXT/PLAIN ; Version=0.0.4", kText},
      {"application/*", kOpenMetrics},
      {"application/openmetrics-text", kOpenMetrics},
      {"application/openmetrics-text; version=\"1.0.0\"", kOpenMetrics},
      {"application/openmetrics-text;version=0.0.1", kOldOpenMetrics},
      {"application/openmetrics-text;version=0.0.1;q=0.9, text/plain;q=0.95", kText},
      {"text/plain;q=0.5, application/openmetrics-text;q=0.501", kOpenMetrics},
      {"text/plain, application/openmetrics-text", kText},
      {"application/openmetrics-text, text/plain", kOpenMetrics},
      {"text/plain;q=0, */*;q=0.1", kOpenMetrics},
      {"application/openmetrics-text;q=0, application/*;q=0.5, text/plain;q=0.1", kText},
      {"application/openmetrics-text;q=high, text/plain;q=0.1", kText},
  };
  for (const Case& each : cases) EXPECT_EQ(type_for(each.accept), each.content_type) << each.accept;
}

TEST(AcceptTest, AnswersTextWhenNothingFits) {
  for (const std::string_view accept :
       {"application/json", "application/openmetrics-text;version=2.0.0", "text/plain;q=0",
        "application/vnd.google.protobuf", "*/*;q=0", ";;,,;q=", "\"", "\"\\", "a/b;c=\"x,text/*",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
        "application/vnd.google.protobuf;proto=other.Message;encoding=delimited"}) {
    EXPECT_EQ(type_for(accept), kText) << accept;
  }
}

TEST(AcceptTest, ReadsABoundedPartOfAHeader) {
  const std::string far(kMaxAcceptBytes, ' ');
  EXPECT_EQ(type_for("application/openmetrics-text," + far), kOpenMetrics);
  EXPECT_EQ(type_for(far + ",application/openmetrics-text"), kText);
}

}  // namespace
}  // namespace hostlens::exporters::prometheus
