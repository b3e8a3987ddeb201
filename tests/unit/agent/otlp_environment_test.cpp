// SPDX-License-Identifier: Apache-2.0
#include "agent/otlp_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace hostlens::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

TEST(OtlpEnvironmentTest, NothingGivenIsOff) {
  const auto out = otlp_destinations({}, variables({}));
  EXPECT_EQ(out.traces, OtlpSignalSettings{});
  EXPECT_EQ(out.metrics, OtlpSignalSettings{});
}

TEST(OtlpEnvironmentTest, AppendsThePathToTheGeneralEndpointOnly) {
  const auto out =
      otlp_destinations({}, variables({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/base"},
                                       {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:1/own"}}));
  EXPECT_EQ(out.traces.url, "http://a:4318/base/v1/traces");
  EXPECT_EQ(out.metrics.url, "http://b:1/own");
}

TEST(OtlpEnvironmentTest, ConfigurationWinsOverEveryVariable) {
  OtlpSettings configured;
  configured.endpoint = "http://c:4318/";
  configured.compression = Compression::kNone;
  configured.timeout_ns = 1'000'000'000;
  configured.headers = Headers{{"x", "y"}};
  const auto out =
      otlp_destinations(configured, variables({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a"},
                                               {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                               {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                                               {"OTEL_EXPORTER_OTLP_TIMEOUT", "5"},
                                               {"OTEL_EXPORTER_OTLP_HEADERS", "a=b"}}));
  EXPECT_EQ(out.traces.url, "http://c:4318/v1/traces");
  EXPECT_EQ(out.traces.compression, Compression::kNone);
  EXPECT_EQ(out.traces.timeout_ns, 1'000'000'000U);
  EXPECT_EQ(out.traces.headers, (Headers{{"x", "y"}}));
  EXPECT_THAT(out.warnings, IsEmpty());
}

TEST(OtlpEnvironmentTest, ASwitchedOffEndpointStaysOff) {
  OtlpSettings configured;
  configured.endpoint = "";
  const auto out =
      otlp_destinations(configured, variables({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"}}));
  EXPECT_EQ(out.traces.url, "");
}

TEST(OtlpEnvironmentTest, TheSignalsOwnVariableWinsOverTheGeneralOne) {
  const auto out =
      otlp_destinations({}, variables({{"OTEL_EXPORTER_OTLP_TIMEOUT", "1000"},
                                       {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"},
                                       {"OTEL_EXPORTER_OTLP_COMPRESSION", "none"},
                                       {"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"}}));
  EXPECT_EQ(out.traces.timeout_ns, 2'000'000'000U);
  EXPECT_EQ(out.metrics.timeout_ns, 1'000'000'000U);
  EXPECT_EQ(out.traces.compression, Compression::kNone);
  EXPECT_EQ(out.metrics.compression, Compression::kGzip);
}

TEST(OtlpEnvironmentTest, HeadersArePercentDecoded) {
  const auto out = otlp_destinations(
      {}, variables({{"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b , x-y=1=2,,"}}));
  EXPECT_EQ(out.traces.headers, (Headers{{"api-key", "a b"}, {"x-y", "1=2"}}));
}

TEST(OtlpEnvironmentTest, HeadersCannotSmuggleALineBreak) {
  const auto out =
      otlp_destinations({}, variables({{"OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0aEvil: 1"}}));
  EXPECT_THAT(out.traces.headers, IsEmpty());
  EXPECT_THAT(out.warnings,
              ElementsAre("OTEL_EXPORTER_OTLP_HEADERS: not of the form name=value,name=value, "
                          "ignored"));
}

TEST(OtlpEnvironmentTest, AProtocolThatIsNotSpokenSwitchesOffAndIsSaid) {
  const auto out =
      otlp_destinations({}, variables({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4317"},
                                       {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}));
  EXPECT_EQ(out.traces.url, "");
  EXPECT_THAT(out.warnings,
              ElementsAre("OTEL_EXPORTER_OTLP_PROTOCOL=grpc: only http/protobuf is spoken, "
                          "OTEL_EXPORTER_OTLP_ENDPOINT ignored"));
}

TEST(OtlpEnvironmentTest, WrongValuesAreSaidAndIgnored) {
  const auto out = otlp_destinations({}, variables({{"OTEL_EXPORTER_OTLP_ENDPOINT", "a:4318"},
                                                    {"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"},
                                                    {"OTEL_EXPORTER_OTLP_TIMEOUT", "10s"}}));
  EXPECT_EQ(out.traces, OtlpSignalSettings{});
  EXPECT_EQ(out.warnings.size(), 3U);
}

}  // namespace
}  // namespace hostlens::agent
