// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/reply_judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/status.pb.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceResponse;
using opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceResponse;
using testing::HasSubstr;
using Verdict = Judgement::Verdict;

constexpr int64_t kNow = 1'700'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

HttpReply answered(int status, std::string body = "", std::string retry_after = "") {
  HttpReply reply;
  reply.end = HttpReply::End::kAnswered;
  reply.status = status;
  reply.body = std::move(body);
  reply.retry_after = std::move(retry_after);
  return reply;
}

std::optional<std::chrono::nanoseconds> wait_for(const std::string& retry_after) {
  return judge(Signal::kTraces, answered(429, "", retry_after), 1, kNow).retry_after;
}

TEST(ReplyJudgementTest, RetryAfterIsSecondsOrADateAndBounded) {
  EXPECT_EQ(wait_for("7"), std::chrono::seconds(7));
  EXPECT_EQ(wait_for("0"), std::chrono::seconds(0));
  EXPECT_EQ(wait_for("Tue, 14 Nov 2023 22:13:50 GMT"), std::chrono::seconds(30));
  EXPECT_EQ(wait_for("Tue, 14 Nov 2023 22:00:00 GMT"), std::chrono::seconds(0)) << "in the past";
  EXPECT_EQ(wait_for("86400"), kLongestRetryAfter);
  EXPECT_EQ(wait_for("99999999999999999999999"), kLongestRetryAfter);
  EXPECT_EQ(wait_for("Tue, 14 Nov 2033 22:13:50 GMT"), kLongestRetryAfter);
  EXPECT_EQ(wait_for("-5"), std::chrono::seconds(0));
  EXPECT_EQ(wait_for("soon"), std::nullopt);
  EXPECT_EQ(wait_for("7 seconds or so"), std::nullopt);
  EXPECT_EQ(wait_for(""), std::nullopt);
}

TEST(ReplyJudgementTest, NoAnswerIsTriedAgain) {
  HttpReply reply;
  reply.error = "Timeout was reached";
  const Judgement judgement = judge(Signal::kTraces, reply, 1, kNow);
  EXPECT_EQ(judgement.verdict, Verdict::kRetry);
  EXPECT_EQ(judgement.text, "Timeout was reached");
}

TEST(ReplyJudgementTest, RejectedIsNeverMoreThanWasSentNorNegative) {
  ExportMetricsServiceResponse response;
  response.mutable_partial_success()->set_rejected_data_points(1'000);
  EXPECT_EQ(judge(Signal::kMetrics, answered(200, response.SerializeAsString()), 5, kNow).rejected,
            5U);
  response.mutable_partial_success()->set_error_message("bad \xFF");
  const auto foreign =
      judge(Signal::kMetrics, answered(200, response.SerializeAsString()), 5'000, kNow);
  EXPECT_EQ(foreign.rejected, 1'000U) << "counted although its text is no UTF-8";
  EXPECT_THAT(foreign.text, HasSubstr("bad \xEF\xBF\xBD"));
  response.mutable_partial_success()->clear_error_message();
  response.mutable_partial_success()->set_rejected_data_points(-1'000);
  const auto judgement =
      judge(Signal::kMetrics, answered(200, response.SerializeAsString()), 5, kNow);
  EXPECT_EQ(judgement.rejected, 0U);
  EXPECT_EQ(judgement.verdict, Verdict::kDelivered);
  EXPECT_EQ(judgement.text, "");
}

TEST(ReplyJudgementTest, AWarningWithNothingRejectedIsFullSuccess) {
  ExportMetricsServiceResponse response;
  response.mutable_partial_success()->set_error_message("use TLS");
  const auto judgement =
      judge(Signal::kMetrics, answered(200, response.SerializeAsString()), 5, kNow);
  EXPECT_EQ(judgement.rejected, 0U);
  EXPECT_THAT(judgement.text, HasSubstr("use TLS"));
}

TEST(ReplyJudgementTest, TheReasonOfARefusalIsShownInOnePrintableLine) {
  google::rpc::Status status;
  status.set_message("no\x1b[31m tenant\n" + std::string(1000, 'x'));
  const auto judgement = judge(Signal::kTraces, answered(400, status.SerializeAsString()), 1, kNow);
  EXPECT_EQ(judgement.verdict, Verdict::kRefused);
  EXPECT_THAT(judgement.text, HasSubstr("status 400: no [31m tenant x"));
  EXPECT_LT(judgement.text.size(), 300U);
  EXPECT_EQ(judge(Signal::kTraces, answered(400, "<html>"), 1, kNow).text, "status 400");
}

TEST(ReplyJudgementTest, AnAnswerAboveTheLimitIsFinal) {
  HttpReply reply = answered(503);
  reply.body_too_large = true;
  EXPECT_EQ(judge(Signal::kTraces, reply, 1, kNow).verdict, Verdict::kRefused);
  reply.status = 200;
  EXPECT_EQ(judge(Signal::kTraces, reply, 1, kNow).verdict, Verdict::kDelivered);
}

TEST(ReplyJudgementTest, ProfilesThatWereRejectedAreAllSamplesOfTheRequest) {
  ExportProfilesServiceResponse response;
  EXPECT_EQ(
      judge(Signal::kProfiles, answered(200, response.SerializeAsString()), 50, kNow).rejected, 0U);
  response.mutable_partial_success()->set_rejected_profiles(1);
  EXPECT_EQ(
      judge(Signal::kProfiles, answered(200, response.SerializeAsString()), 50, kNow).rejected,
      50U);
}

}  // namespace
}  // namespace hostlens::exporters::otlp
