// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_json/otlp_json_exporter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "exporters/otlp_json/encode_json.h"
#include "exporters/version.h"
#include "unit/exporters/samples.h"

namespace hostlens::exporters::otlp_json {
namespace {

using base::DropReason;
using base::Stage;
using nlohmann::json;

TEST(EncodeJsonTest, ASpanHasTheFormOfTheSpecification) {
  const std::string line = encode_spans({sample_batch()});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const json expected = json::parse(R"({"resourceSpans":[{
    "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},
                              {"key":"process.pid","value":{"intValue":"7"}}]},
    "scopeSpans":[{"scope":{"name":"hostlens","version":")" +
                                    std::string(agent_version()) + R"("},"spans":[{
      "traceId":"ab02030405060708090a0b0c0d0e0f10","spanId":"cd02030405060708",
      "traceState":"vendor=1","parentSpanId":"0909090909090909","flags":769,
      "name":"GET /users/{id}","kind":2,
      "startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000901",
      "attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},
        {"key":"http.response.status_code","value":{"intValue":"500"}},
        {"key":"ratio","value":{"doubleValue":0.5}},
        {"key":"flag","value":{"boolValue":true}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}}],
      "events":[{"timeUnixNano":"1700000000000000500","name":"retry",
        "attributes":[{"key":"n","value":{"intValue":"-1"}}]}],
      "status":{"code":2,"message":"broken"}}]}]}]})");
  EXPECT_EQ(json::parse(line), expected);
}

TEST(EncodeJsonTest, ASnapshotHasTheFormOfTheSpecification) {
  const json parsed = json::parse(encode_metrics(*sample_snapshot()));
  ASSERT_EQ(parsed["resourceMetrics"].size(), 2U);
  const json& metrics = parsed["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
  EXPECT_EQ(metrics[0], json::parse(R"({"name":"http.server.request.duration",
    "description":"Time of a request.","unit":"s","exponentialHistogram":{
      "aggregationTemporality":2,"dataPoints":[{
        "attributes":[{"key":"http.route","value":{"stringValue":"/"}}],
        "startTimeUnixNano":"1000","timeUnixNano":"2000","count":"10","sum":2.5,"scale":3,
        "zeroCount":"1","positive":{"offset":-2,"bucketCounts":["4","0","5"]},"min":0.0,"max":1.5,
        "exemplars":[{"timeUnixNano":"1500","asDouble":0.25,"spanId":"cd02030405060708",
          "traceId":"ab02030405060708090a0b0c0d0e0f10"}]}]}})"));
  EXPECT_EQ(metrics[1]["sum"]["isMonotonic"], true);
  EXPECT_EQ(metrics[2]["sum"]["dataPoints"][0]["asInt"], "-3");
  EXPECT_EQ(metrics[3]["gauge"]["dataPoints"][0]["asDouble"], 0.75);
  EXPECT_EQ(encode_metrics(model::MetricSnapshot{}), "");
}

TEST(EncodeJsonTest, WhatJsonCannotSayIsReplaced) {
  auto batch = std::make_shared<model::SpanBatch>(1, sample_span());
  batch->front().name = "GET /\xFF\n";
  batch->front().attributes = {{"x", std::nan("")}, {"y", -INFINITY}};
  const json span =
      json::parse(encode_spans({batch}))["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
  EXPECT_EQ(span["name"], "GET /\xEF\xBF\xBD\n");
  EXPECT_EQ(span["attributes"][0]["value"]["doubleValue"], "NaN");
  EXPECT_EQ(span["attributes"][1]["value"]["doubleValue"], "-Infinity");
}

class OtlpJsonExporterTest : public testing::Test {
 protected:
  std::unique_ptr<OtlpJsonExporter> writing_to(int fd) {
    auto exporter = OtlpJsonExporter::create(base::UniqueFd(fd), 8U << 20, ledger_);
    EXPECT_TRUE(exporter);
    return *std::move(exporter);
  }
  static TimePoint later() { return std::chrono::steady_clock::now() + std::chrono::minutes(1); }
  static std::vector<std::string> lines(int fd) {
    std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
  }
  uint64_t dropped(DropReason reason) const {
    return ledger_.dropped_total(Stage::kExportOtlpJson, reason);
  }

  base::LedgerPage page_;
  base::Ledger ledger_{page_};
};

TEST_F(OtlpJsonExporterTest, EachRequestIsALine) {
  const base::UniqueFd file(::memfd_create("lines", MFD_CLOEXEC));
  const auto exporter = writing_to(::dup(file.get()));
  hand_over(*exporter, sample_batch(200));
  ASSERT_TRUE(exporter->flush(later()));
  exporter->submit(sample_snapshot());
  exporter->shutdown(later());
  const auto written = lines(file.get());
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(json::parse(written[0])["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 200U);
  EXPECT_TRUE(json::parse(written[1]).contains("resourceMetrics"));
  EXPECT_EQ(ledger_.forwarded_total(Stage::kExportOtlpJson), 200U);
  EXPECT_EQ(ledger_.held(Stage::kExportOtlpJson), 0);
  EXPECT_EQ(exporter->problem(), "");
}

TEST_F(OtlpJsonExporterTest, AFullDiskDropsAndSaysSo) {
  const auto exporter = writing_to(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  hand_over(*exporter, sample_batch(3));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(dropped(DropReason::kRejected), 3U);
  EXPECT_THAT(exporter->problem(), testing::HasSubstr("No space left"));
}

TEST_F(OtlpJsonExporterTest, AClosedPipeDropsAndDoesNotKill) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  const auto exporter = writing_to(ends[1]);
  hand_over(*exporter, sample_batch(3));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(dropped(DropReason::kRejected), 3U);
  EXPECT_THAT(exporter->problem(), testing::HasSubstr("Broken pipe"));
}

TEST_F(OtlpJsonExporterTest, AReaderThatStoppedDoesNotHoldUpAStop) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  const auto exporter = writing_to(ends[1]);
  hand_over(*exporter, sample_batch(1000));  // far above the 64 KiB of a pipe
  hand_over(*exporter, sample_batch(10));
  exporter->shutdown(std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
  EXPECT_EQ(dropped(DropReason::kShutdown), 1010U);
  EXPECT_EQ(ledger_.held(Stage::kExportOtlpJson), 0);
}

TEST(LineWriterTest, AfterAHalfLineTheNextStartsOnItsOwn) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(ends[0]);
  LineWriter writer{base::UniqueFd(ends[1])};
  const auto at_once = [] { return true; };
  const auto cut = writer.write(std::string(1U << 20, 'x'), at_once);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, base::Error::Kind::kBusy);
  std::string half(1U << 20, '\0');
  half.resize(static_cast<size_t>(::read(reader.get(), half.data(), half.size())));
  EXPECT_EQ(half.find('\n'), std::string::npos);
  ASSERT_TRUE(writer.write("next", at_once));
  ASSERT_TRUE(writer.write("one more", at_once));
  std::array<char, 64> rest{};
  const ssize_t got = ::read(reader.get(), rest.data(), rest.size());
  EXPECT_EQ(std::string_view(rest.data(), static_cast<size_t>(got)), "\nnext\none more\n");
}

}  // namespace
}  // namespace hostlens::exporters::otlp_json
