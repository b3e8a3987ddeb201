// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/otlp_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "exporters/version.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"
#include "unit/exporters/fake_time.h"
#include "unit/exporters/otlp/fake_collector.h"
#include "unit/exporters/samples.h"

namespace hostlens::exporters::otlp {
namespace {

using base::DropReason;
using base::Stage;
using opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest;
using opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;
using testing::HasSubstr;

/// A loopback port where nobody listens: bound, never listening, so that nobody else gets it.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int reuse = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port) + "/v1/traces";
  }
  void listen_nowhere() { fd_.reset(); }
  /// The kernel completes connections, nobody answers.
  void accept_in_silence() { ::listen(fd_.get(), 8); }
  uint16_t port = 0;

 private:
  base::UniqueFd fd_;
};

class OtlpExporterTest : public testing::Test {
 protected:
  std::unique_ptr<OtlpExporter> traces_to(const std::string& url) {
    settings_.traces.url = url;
    return create();
  }
  std::unique_ptr<OtlpExporter> create() {
    auto exporter = OtlpExporter::create(settings_, ledger_, time_);
    EXPECT_TRUE(exporter) << exporter.error().text();
    return *std::move(exporter);
  }
  TimePoint in(std::chrono::milliseconds wait) { return time_.now() + wait; }
  /// Far enough for any machine: reached only when the test fails.
  TimePoint later() { return in(std::chrono::hours(10)); }
  uint64_t dropped(DropReason reason) const {
    return ledger_.dropped_total(Stage::kExportOtlp, reason);
  }
  uint64_t forwarded() const { return ledger_.forwarded_total(Stage::kExportOtlp); }
  void expect_balance(uint64_t received) const {
    EXPECT_EQ(ledger_.received_total(Stage::kExportOtlp), received);
    EXPECT_EQ(ledger_.held(Stage::kExportOtlp), 0);
  }

  base::LedgerPage page_;
  base::Ledger ledger_{page_};
  FakeTime time_;
  OtlpSettings settings_;
};

TEST_F(OtlpExporterTest, SpansArriveZippedWithTheHeadersThatTheProtocolAsksFor) {
  FakeCollector collector;
  settings_.traces.headers = {{"Authorization", "Bearer secret"}, {"X-Scope", ""}};
  const auto exporter = traces_to(collector.url("/some/prefix/v1/traces"));
  hand_over(*exporter, sample_batch(3));
  ASSERT_TRUE(exporter->flush(later()));
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 1U);
  const auto& headers = requests[0].headers;
  EXPECT_EQ(requests[0].path, "/some/prefix/v1/traces");
  EXPECT_EQ(headers.at("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(headers.at("User-Agent"),
            "OTel-OTLP-Exporter-Hostlens/" + std::string(agent_version()));
  EXPECT_EQ(headers.at("Authorization"), "Bearer secret");
  EXPECT_TRUE(headers.contains("X-Scope"));
  EXPECT_FALSE(headers.contains("Expect"));
  ExportTraceServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  EXPECT_EQ(request.resource_spans(0).scope_spans(0).spans_size(), 3);
  EXPECT_EQ(forwarded(), 3U);
  EXPECT_EQ(exporter->problem(), "");
  expect_balance(3);
}

TEST_F(OtlpExporterTest, WithoutCompressionTheBodyIsPlain) {
  FakeCollector collector;
  settings_.traces.gzip = false;
  const auto exporter = traces_to(collector.url());
  hand_over(*exporter, sample_batch());
  ASSERT_TRUE(exporter->flush(later()));
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_FALSE(requests[0].headers.contains("Content-Encoding"));
  EXPECT_TRUE(ExportTraceServiceRequest().ParseFromString(requests[0].body));
}

TEST_F(OtlpExporterTest, OneConnectionServesAllRequests) {
  FakeCollector collector;
  const auto exporter = traces_to(collector.url());
  for (int i = 0; i < 3; ++i) {
    hand_over(*exporter, sample_batch(600));
    ASSERT_TRUE(exporter->flush(later()));
  }
  EXPECT_GE(collector.requests().size(), 3U);
  EXPECT_EQ(collector.connections(), 1);
  EXPECT_EQ(forwarded(), 1800U);
  expect_balance(1800);
}

TEST_F(OtlpExporterTest, RetriesTheStatusesOfTheSpecificationAndNoOthers) {
  for (const unsigned status : {429U, 502U, 503U, 504U}) {
    FakeCollector collector;
    collector.will_answer({.status = status});
    const auto exporter = traces_to(collector.url());
    hand_over(*exporter, sample_batch());
    ASSERT_TRUE(exporter->flush(later()));
    EXPECT_EQ(collector.requests().size(), 2U) << status;
    EXPECT_EQ(exporter->problem(), "");
  }
  EXPECT_EQ(forwarded(), 4U);
  for (const unsigned status : {301U, 400U, 401U, 403U, 404U, 408U, 413U, 500U, 501U, 505U}) {
    FakeCollector collector;
    collector.will_answer({.status = status});
    const auto exporter = traces_to(collector.url());
    hand_over(*exporter, sample_batch());
    ASSERT_TRUE(exporter->flush(later()));
    EXPECT_EQ(collector.requests().size(), 1U) << status;
    EXPECT_THAT(exporter->problem(), HasSubstr(std::to_string(status)));
  }
  EXPECT_EQ(dropped(DropReason::kRejected), 10U);
  expect_balance(14);
}

TEST_F(OtlpExporterTest, WaitsAsLongAsRetryAfterSays) {
  FakeCollector collector;
  collector.will_answer({.status = 503, .retry_after = "100"});
  const auto exporter = traces_to(collector.url());
  hand_over(*exporter, sample_batch());
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_GE(time_.ahead(), std::chrono::seconds(99));
  EXPECT_LE(time_.ahead(), std::chrono::seconds(102));
  EXPECT_EQ(forwarded(), 1U);
}

TEST_F(OtlpExporterTest, GivesUpARequestAfterTheLimitAndBacksOffUntilThen) {
  ClosedPort nobody;
  const auto exporter = traces_to(nobody.url());
  hand_over(*exporter, sample_batch(2));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(dropped(DropReason::kRetryExhausted), 2U);
  EXPECT_GE(time_.ahead(), std::chrono::minutes(4));
  EXPECT_LE(time_.ahead(), std::chrono::minutes(5) + std::chrono::seconds(2));
  EXPECT_THAT(exporter->problem(), HasSubstr("Connection refused"));
  EXPECT_THAT(exporter->problem(), HasSubstr(nobody.url()));
  expect_balance(2);
}

TEST_F(OtlpExporterTest, NothingIsLostWhenTheCollectorComesBack) {
  // The real clock: in jumping time all attempts would be over before the collector is there.
  ClosedPort nobody;
  settings_.traces.url = nobody.url();
  settings_.retry.first = std::chrono::milliseconds(5);
  settings_.retry.longest = std::chrono::milliseconds(20);
  auto exporter = OtlpExporter::create(settings_, ledger_);
  ASSERT_TRUE(exporter);
  hand_over(**exporter, sample_batch(5));
  EXPECT_FALSE(
      (*exporter)->flush(std::chrono::steady_clock::now() + std::chrono::milliseconds(50)));
  EXPECT_EQ(ledger_.held(Stage::kExportOtlp), 5);
  nobody.listen_nowhere();
  FakeCollector collector(nobody.port);
  ASSERT_TRUE((*exporter)->flush(std::chrono::steady_clock::now() + std::chrono::minutes(1)));
  EXPECT_EQ(forwarded(), 5U);
  EXPECT_EQ((*exporter)->problem(), "");
  expect_balance(5);
}

TEST_F(OtlpExporterTest, APartlyRejectedRequestIsCountedAndNotSentAgain) {
  ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(2);
  response.mutable_partial_success()->set_error_message("too\nold");
  FakeCollector collector;
  collector.will_answer({.body = response.SerializeAsString()});
  const auto exporter = traces_to(collector.url());
  hand_over(*exporter, sample_batch(5));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(collector.requests().size(), 1U);
  EXPECT_EQ(forwarded(), 3U);
  EXPECT_EQ(dropped(DropReason::kRejected), 2U);
  EXPECT_THAT(exporter->problem(), HasSubstr("too old"));
}

TEST_F(OtlpExporterTest, AnAnswerThatIsNoOtlpIsWarnedOf) {
  FakeCollector collector;
  collector.will_answer({.body = "<html>Welcome</html>"});
  const auto exporter = traces_to(collector.url());
  hand_over(*exporter, sample_batch());
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(forwarded(), 1U);
  EXPECT_THAT(exporter->problem(), HasSubstr("not OTLP"));
}

TEST_F(OtlpExporterTest, RedirectsAreNotFollowed) {
  FakeCollector other;
  FakeCollector collector;
  collector.will_answer({.status = 307, .location = other.url()});
  const auto exporter = traces_to(collector.url());
  hand_over(*exporter, sample_batch());
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_TRUE(other.requests().empty());
  EXPECT_EQ(dropped(DropReason::kRejected), 1U);
  EXPECT_THAT(exporter->problem(), HasSubstr("redirect"));
}

TEST_F(OtlpExporterTest, AStopDoesNotWaitForACollectorThatKeepsSilent) {
  ClosedPort silent;
  silent.accept_in_silence();
  const auto exporter = traces_to(silent.url());
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) hand_over(*exporter, sample_batch(600));
  exporter->shutdown(in(std::chrono::milliseconds(100)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_EQ(dropped(DropReason::kShutdown), 2400U);
  expect_balance(2400);
  hand_over(*exporter, sample_batch());
  EXPECT_EQ(dropped(DropReason::kShutdown), 2401U);
  EXPECT_TRUE(exporter->flush(later()));
}

TEST_F(OtlpExporterTest, AStopSendsWhatWaits) {
  FakeCollector collector;
  const auto exporter = traces_to(collector.url());
  for (int i = 0; i < 10; ++i) hand_over(*exporter, sample_batch(10));
  exporter->shutdown(later());
  EXPECT_EQ(forwarded(), 100U);
  expect_balance(100);
}

TEST_F(OtlpExporterTest, AFullQueueLetsTheOldestGo) {
  ClosedPort silent;
  silent.accept_in_silence();
  const size_t batch_bytes = 600 * memory_bytes(sample_span());
  settings_.queue_bytes = 3 * batch_bytes + batch_bytes / 2;
  const auto exporter = traces_to(silent.url());
  for (int i = 0; i < 10; ++i) hand_over(*exporter, sample_batch(600));
  EXPECT_EQ(dropped(DropReason::kQueueFull), 7U * 600);
  EXPECT_EQ(ledger_.held(Stage::kExportOtlp), 3 * 600);
  exporter->shutdown(in(std::chrono::milliseconds(1)));
  EXPECT_EQ(dropped(DropReason::kShutdown), 3U * 600);
  expect_balance(6000);
}

TEST_F(OtlpExporterTest, MetricsGoTheirOwnWayAndAreNoRecordsOfTheBooks) {
  ClosedPort silent;
  silent.accept_in_silence();
  FakeCollector collector;
  settings_.traces.url = silent.url();
  settings_.metrics.url = collector.url("/v1/metrics");
  const auto exporter = create();
  hand_over(*exporter, sample_batch(600));
  exporter->submit(sample_snapshot());
  exporter->shutdown(in(std::chrono::milliseconds(500)));
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 1U);
  ExportMetricsServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  EXPECT_EQ(request.resource_metrics_size(), 2);
  expect_balance(600);
}

TEST_F(OtlpExporterTest, ASignalWithoutAnUrlIsOff) {
  const auto exporter = create();
  hand_over(*exporter, sample_batch());
  exporter->submit(sample_snapshot());
  EXPECT_TRUE(exporter->flush(later()));
  EXPECT_EQ(exporter->problem(), "");
  expect_balance(0);
}

TEST_F(OtlpExporterTest, RefusesUrlsAndHeadersThatCannotBeSent) {
  for (const char* url : {"ftp://host/v1/traces", "http://", "no url at all"}) {
    settings_.traces.url = url;
    EXPECT_FALSE(OtlpExporter::create(settings_, ledger_, time_)) << url;
  }
  settings_.traces.url = "http://127.0.0.1:1/v1/traces";
  settings_.traces.headers = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_FALSE(OtlpExporter::create(settings_, ledger_, time_));
}

TEST_F(OtlpExporterTest, CredentialsOfTheUrlAreNotShown) {
  ClosedPort nobody;
  const auto exporter = traces_to("http://me:secret@127.0.0.1:" + std::to_string(nobody.port) +
                                  "/v1/traces?token=secret");
  hand_over(*exporter, sample_batch());
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_THAT(exporter->problem(), HasSubstr("refused"));
  EXPECT_THAT(exporter->problem(), testing::Not(HasSubstr("secret")));
}

std::shared_ptr<const model::ProfileBatch> sample_profile(uint64_t samples) {
  auto batch = std::make_shared<model::ProfileBatch>(model::Profile::Settings{});
  model::Sample sample;
  sample.stack.push(model::mark_frame("work"));
  for (uint64_t i = 0; i < samples; ++i) batch->profile.add(sample);
  return batch;
}

TEST_F(OtlpExporterTest, ProfilesHaveAWayAndBooksOfTheirOwn) {
  FakeCollector collector;
  settings_.profiles.url = collector.url("/v1development/profiles");
  const auto exporter = create();
  exporter->submit(sample_profile(7));
  ASSERT_TRUE(exporter->flush(later()));
  const auto requests = collector.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].path, "/v1development/profiles");
  ExportProfilesServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  EXPECT_EQ(request.resource_profiles(0).scope_profiles(0).profiles(0).samples(0).values(0), 7);
  EXPECT_EQ(ledger_.received_total(Stage::kExportOtlpProfiles), 7U);
  EXPECT_EQ(ledger_.forwarded_total(Stage::kExportOtlpProfiles), 7U);
  expect_balance(0);
}

TEST_F(OtlpExporterTest, ProfilesThatAreRefusedAreCountedAndTold) {
  FakeCollector collector;
  collector.will_answer({.status = 400});
  settings_.profiles.url = collector.url("/v1development/profiles");
  const auto exporter = create();
  exporter->submit(sample_profile(7));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(ledger_.dropped_total(Stage::kExportOtlpProfiles, DropReason::kRejected), 7U);
  EXPECT_EQ(ledger_.held(Stage::kExportOtlpProfiles), 0);
  EXPECT_THAT(exporter->problem(), HasSubstr("OTLP profiles to"));
}

TEST_F(OtlpExporterTest, AReceiverThatTakesNoProfilesIsNoTroubleAndAskedSeldom) {
  FakeCollector collector;
  collector.will_answer({.status = 404});
  settings_.profiles.url = collector.url("/v1development/profiles");
  const auto exporter = create();
  for (int i = 0; i < 3; ++i) {
    exporter->submit(sample_profile(7));
    ASSERT_TRUE(exporter->flush(later()));
  }
  EXPECT_EQ(collector.requests().size(), 1U);
  EXPECT_EQ(exporter->problem(), "");
  EXPECT_EQ(ledger_.received_total(Stage::kExportOtlpProfiles), 7U);
  EXPECT_EQ(ledger_.dropped_total(Stage::kExportOtlpProfiles, DropReason::kUnsupported), 7U);
  time_.advance(std::chrono::hours(1));
  exporter->submit(sample_profile(7));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(ledger_.forwarded_total(Stage::kExportOtlpProfiles), 7U);
}

TEST_F(OtlpExporterTest, WithoutADestinationProfilesAreNotCounted) {
  FakeCollector collector;
  const auto exporter = traces_to(collector.url());
  exporter->submit(sample_profile(7));
  ASSERT_TRUE(exporter->flush(later()));
  EXPECT_EQ(ledger_.received_total(Stage::kExportOtlpProfiles), 0U);
}

}  // namespace
}  // namespace hostlens::exporters::otlp
