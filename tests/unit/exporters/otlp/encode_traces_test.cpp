// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_traces.h"

#include <gtest/gtest.h>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"
#include "unit/exporters/samples.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

ExportTraceServiceRequest parsed(const EncodedRequest& encoded) {
  ExportTraceServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(encoded.body));
  return request;
}

TEST(EncodeTracesTest, EveryFieldOfASpanArrives) {
  TraceEncoder encoder;
  encoder.add(sample_span());
  const auto request = parsed(encoder.finish());
  ASSERT_EQ(request.resource_spans_size(), 1);
  const auto& group = request.resource_spans(0);
  ASSERT_EQ(group.resource().attributes_size(), 2);
  EXPECT_EQ(group.resource().attributes(1).key(), "process.pid");
  EXPECT_EQ(group.resource().attributes(1).value().int_value(), 7);
  ASSERT_EQ(group.scope_spans_size(), 1);
  EXPECT_EQ(group.scope_spans(0).scope().name(), "hostlens");
  EXPECT_FALSE(group.scope_spans(0).scope().version().empty());
  const auto& span = group.scope_spans(0).spans(0);
  EXPECT_EQ(span.trace_id(), "\xAB\x2\x3\x4\x5\x6\x7\x8\x9\xA\xB\xC\xD\xE\xF\x10");
  EXPECT_EQ(span.span_id(), "\xCD\x2\x3\x4\x5\x6\x7\x8");
  EXPECT_EQ(span.parent_span_id(), std::string(8, '\x9'));
  EXPECT_EQ(span.trace_state(), "vendor=1");
  EXPECT_EQ(span.flags(), 0x301U);
  EXPECT_EQ(span.kind(), 2);
  EXPECT_EQ(span.name(), "GET /users/{id}");
  EXPECT_EQ(span.start_time_unix_nano(), 1'700'000'000'000'000'001U);
  EXPECT_EQ(span.end_time_unix_nano(), 1'700'000'000'000'000'901U);
  ASSERT_EQ(span.attributes_size(), 5);
  EXPECT_EQ(span.attributes(0).value().string_value(), "GET");
  EXPECT_EQ(span.attributes(1).value().int_value(), 500);
  EXPECT_EQ(span.attributes(2).value().double_value(), 0.5);
  EXPECT_TRUE(span.attributes(3).value().bool_value());
  EXPECT_EQ(span.attributes(4).value().array_value().values(1).string_value(), "b");
  EXPECT_EQ(span.events(0).name(), "retry");
  EXPECT_EQ(span.events(0).attributes(0).value().int_value(), -1);
  EXPECT_EQ(span.status().code(), 2);
  EXPECT_EQ(span.status().message(), "broken");
}

TEST(EncodeTracesTest, ASpanLeavesNothingBehindForTheNext) {
  TraceEncoder encoder;
  encoder.add(sample_span());
  model::Span bare;
  bare.context.flags = 0;
  encoder.add(bare);
  const auto request = parsed(encoder.finish());
  ASSERT_EQ(request.resource_spans_size(), 2);
  for (const auto& group : request.resource_spans()) {
    if (group.resource().attributes_size() != 0) continue;
    const auto& span = group.scope_spans(0).spans(0);
    EXPECT_EQ(span.attributes_size(), 0);
    EXPECT_EQ(span.events_size(), 0);
    EXPECT_FALSE(span.has_status());
    EXPECT_EQ(span.parent_span_id(), "");
    EXPECT_EQ(span.trace_state(), "");
    EXPECT_EQ(span.flags(), 0x100U);
  }
}

TEST(EncodeTracesTest, SpansAreGroupedByProcess) {
  TraceEncoder encoder;
  const auto first = sample_process("a", 1);
  const auto second = sample_process("b", 2);
  for (int i = 0; i < 10; ++i) encoder.add(sample_span(i % 3 == 0 ? first : second));
  EXPECT_EQ(encoder.spans(), 10U);
  const auto request = parsed(encoder.finish());
  ASSERT_EQ(request.resource_spans_size(), 2);
  for (const auto& group : request.resource_spans()) {
    const bool is_first = group.resource().attributes(0).value().string_value() == "a";
    EXPECT_EQ(group.scope_spans(0).spans_size(), is_first ? 4 : 6);
  }
  EXPECT_EQ(encoder.finish().items, 0U);
}

TEST(EncodeTracesTest, ARequestStaysBelowItsLimit) {
  constexpr size_t kLimit = 256U << 10;
  TraceEncoder encoder(kLimit);
  uint64_t sent = 0;
  for (int i = 0; i < 5000; ++i) {
    encoder.add(sample_span(sample_process("p" + std::to_string(i % 50))));
    if (!encoder.full()) continue;
    const EncodedRequest request = encoder.finish();
    EXPECT_LE(request.body.size(), kLimit);
    EXPECT_GT(request.body.size(), kLimit / 2);
    sent += request.items;
  }
  EXPECT_EQ(sent + encoder.finish().items, 5000U);
}

TEST(EncodeTracesTest, ForeignBytesBecomeUtf8) {
  model::Span span = sample_span();
  span.name = "GET /\xFF";
  span.attributes = {{"url.path", std::string("/\xC3(")}};
  TraceEncoder encoder;
  encoder.add(span);
  const auto request = parsed(encoder.finish());
  const auto& encoded = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(encoded.name(), "GET /\xEF\xBF\xBD");
  EXPECT_EQ(encoded.attributes(0).value().string_value(), "/\xEF\xBF\xBD(");
}

}  // namespace
}  // namespace hostlens::exporters::otlp
