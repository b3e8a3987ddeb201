// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/fan_out.h"

#include <gtest/gtest.h>

#include <set>

#include "unit/agent/worker/fake_exporter.h"
#include "unit/processors/test_sinks.h"

namespace hostlens::agent {
namespace {

class FanOutTest : public ::testing::Test {
 protected:
  void finish(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      model::Exchange exchange;
      exchange.id = ++last_id_;
      exchange.request_start_ns = 1'000;
      exchange.end_ns = 2'000;
      exchange.process = processes_.resolve(100);
      exchange.http.method = "GET";
      exchange.http.status = 200;
      exchange.context.trace_id[0] = 1;
      for (size_t byte = 0; byte < 8; ++byte) {
        exchange.context.span_id[byte] = static_cast<uint8_t>(last_id_ >> (8 * byte));
      }
      out_.request_started(exchange);
      out_.exchange_finished(processors::own(std::move(exchange)));
    }
  }
  static std::set<model::SpanId> ids(const ExporterRecord& record) {
    std::set<model::SpanId> out;
    for (const model::Span& span : record.spans) out.insert(span.context.span_id);
    return out;
  }
  /// Requests that the metrics know.
  uint64_t counted() {
    uint64_t sum = 0;
    const auto snapshot = metrics_.snapshot(3'000, {});
    for (const auto& family : snapshot->families) {
      if (family.name != "http.server.request.duration") continue;
      for (const auto& point : family.points) {
        sum += std::get<model::ExponentialHistogram>(point.value).count;
      }
    }
    return sum;
  }

  processors::EveryProcess processes_;
  aggregators::MetricAggregator metrics_{{}};
  FanOut out_{metrics_};
  std::shared_ptr<ExporterRecord> first_record_ = std::make_shared<ExporterRecord>();
  std::shared_ptr<ExporterRecord> second_record_ = std::make_shared<ExporterRecord>();
  FakeExporter first_{first_record_};
  FakeExporter second_{second_record_};
  uint64_t last_id_ = 0;
};

TEST_F(FanOutTest, EveryExporterGetsEverySpanOnce) {
  out_.set_exporters({&first_, &second_});
  finish(1300);
  out_.flush();
  out_.flush();
  for (const auto& record : {first_record_, second_record_}) {
    EXPECT_EQ(record->expected, 1300U);
    EXPECT_EQ(record->spans.size(), 1300U);
    EXPECT_EQ(ids(*record).size(), 1300U);
    EXPECT_EQ(record->batches, 3U);
  }
  EXPECT_EQ(out_.finished_total(), 1300U);
  EXPECT_EQ(counted(), 1300U);
}

TEST_F(FanOutTest, ASpanIsExpectedAtOnceAndSubmittedWithItsBatch) {
  out_.set_exporters({&first_});
  finish(1);
  EXPECT_EQ(first_record_->expected, 1U);
  EXPECT_EQ(first_record_->batches, 0U);
  out_.flush();
  EXPECT_EQ(first_record_->spans.size(), 1U);
}

TEST_F(FanOutTest, WithoutTakersNoSpanIsBuiltButMetricsCount) {
  finish(600);
  out_.set_exporters({&first_});
  out_.flush();
  EXPECT_EQ(first_record_->expected, 0U);
  EXPECT_EQ(first_record_->batches, 0U);
  EXPECT_EQ(counted(), 600U);
}

TEST_F(FanOutTest, RecentSpansAreKeptWithAndWithoutExporters) {
  web::RecentSpans recent(100, 1000);
  out_.set_recent(&recent);
  finish(2);
  EXPECT_EQ(recent.size(), 2U);
  out_.set_exporters({&first_});
  finish(3);
  out_.flush();
  EXPECT_EQ(recent.size(), 5U);
  EXPECT_EQ(first_record_->spans.size(), 3U);
}

TEST_F(FanOutTest, RecentSpansThatWantNoneGetNone) {
  web::RecentSpans recent(0, 1000);
  out_.set_recent(&recent);
  finish(2);
  EXPECT_EQ(recent.size(), 0U);
}

TEST_F(FanOutTest, ExchangedExportersShareNoSpan) {
  out_.set_exporters({&first_});
  finish(5);
  out_.flush();
  out_.set_exporters({&second_});
  finish(7);
  out_.flush();
  EXPECT_EQ(first_record_->expected, 5U);
  EXPECT_EQ(first_record_->spans.size(), 5U);
  EXPECT_EQ(second_record_->expected, 7U);
  EXPECT_EQ(second_record_->spans.size(), 7U);
}

}  // namespace
}  // namespace hostlens::agent
