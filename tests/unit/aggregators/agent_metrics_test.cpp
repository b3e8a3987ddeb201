// SPDX-License-Identifier: Apache-2.0
#include "aggregators/agent_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "snapshot_reader.h"

namespace hostlens::aggregators {
namespace {

using base::DropReason;
using base::Stage;
using testing::Contains;
using testing::ElementsAre;

constexpr uint64_t kSupervisorStart = 1'700'000'000'000'000'000;

class AgentMetricsTest : public testing::Test {
 protected:
  SnapshotReader read(const AgentSample& sample) {
    return SnapshotReader(aggregator_.snapshot(base::monotonic_now_ns(), sample));
  }

  base::LedgerPage page_;
  base::Ledger ledger_{page_};
  std::shared_ptr<const model::Service> agent_ = process_of("hostlens")->service;
  MetricAggregator aggregator_{{.agent = agent_, .start_unix_ns = kSupervisorStart}};
};

TEST_F(AgentMetricsTest, TheBooksAreInTheSnapshot) {
  ledger_.received(Stage::kDecode, 10);
  ledger_.forwarded(Stage::kDecode, 6);
  ledger_.dropped(Stage::kDecode, DropReason::kMalformed, 3);
  ledger_.received(Stage::kMatch, 5);
  ledger_.forwarded(Stage::kMatch, 5);
  AgentSample sample;
  sample.ledger = &ledger_;
  const SnapshotReader reader = read(sample);
  constexpr char kRecords[] = "hostlens.records";
  EXPECT_EQ(reader.number(kRecords, "outcome=received,stage=decode"), 10);
  EXPECT_EQ(reader.number(kRecords, "outcome=forwarded,stage=decode"), 6);
  EXPECT_EQ(reader.number(kRecords, "outcome=dropped,reason=malformed,stage=decode"), 3);
  EXPECT_EQ(reader.number("hostlens.records.held", "stage=decode"), 1);
  EXPECT_EQ(reader.number("hostlens.records.held", "stage=match"), 0);
  // Every stage is there, of the drops only those that happened.
  EXPECT_EQ(reader.points(kRecords).size(), 2 * base::LedgerPage::kStages + 1);
  EXPECT_EQ(reader.points("hostlens.records.held").size(), base::LedgerPage::kStages);
  EXPECT_THAT(reader.points(kRecords), Contains("outcome=received,stage=export_otlp_json"));
  const auto& records = *reader.family(kRecords);
  EXPECT_EQ(records.kind, model::MetricKind::kCounter);
  EXPECT_EQ(records.unit, "{record}");
  EXPECT_EQ(reader.family("hostlens.records.held")->kind, model::MetricKind::kGauge);
  EXPECT_EQ(records.points[0].service, nullptr);
  EXPECT_EQ(records.points[0].start_unix_ns, kSupervisorStart);
  EXPECT_EQ(reader.snapshot().agent, agent_);
}

TEST_F(AgentMetricsTest, BooksNeverLookNegativeWhileRecordsPass) {
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) {
      ledger_.received(Stage::kTrack);
      ledger_.forwarded(Stage::kTrack);
    }
  });
  AgentSample sample;
  sample.ledger = &ledger_;
  for (int i = 0; i < 2000; ++i) {
    const auto snapshot = aggregator_.snapshot(base::monotonic_now_ns(), sample);
    int64_t received = 0;
    int64_t forwarded = 0;
    int64_t held = 0;
    for (const auto& family : snapshot->families) {
      for (const auto& point : family.points) {
        const std::string text = text_of(point.attributes);
        if (text == "outcome=received,stage=track") received = std::get<int64_t>(point.value);
        if (text == "outcome=forwarded,stage=track") forwarded = std::get<int64_t>(point.value);
        if (text == "stage=track") held = std::get<int64_t>(point.value);
      }
    }
    EXPECT_GE(held, 0);
    EXPECT_EQ(received, forwarded + held);
  }
  stop = true;
  worker.join();
}

TEST_F(AgentMetricsTest, EveryFieldOfTheSampleHasItsMetric) {
  AgentSample sample;
  sample.processes = {{"supervisor", 1.5, 1000}, {"worker", 2.5, 2000}};
  sample.worker_restarts = 1;
  sample.targets = 2;
  sample.ring_pending_bytes_control = 3;
  sample.ring_pending_bytes_data = 4;
  sample.control_records_lost = 5;
  sample.length_only_records = 6;
  sample.recursion_misses = 7;
  sample.correlation_ambiguous = 8;
  sample.correlation_late = 9;
  sample.route_overflows = 10;
  sample.connections_evicted = 11;
  sample.connections_tracked = 12;
  sample.version = "1.2.3";
  sample.socket_variant = "tracepoint";
  const uint64_t before = base::unix_now_ns();
  const SnapshotReader reader = read(sample);

  const auto* const cpu = reader.point("hostlens.agent.cpu.time", "role=worker");
  ASSERT_NE(cpu, nullptr);
  EXPECT_EQ(std::get<double>(cpu->value), 2.5);
  EXPECT_THAT(reader.points("hostlens.agent.cpu.time"),
              ElementsAre("role=supervisor", "role=worker"));
  EXPECT_EQ(reader.number("hostlens.agent.memory.usage", "role=supervisor"), 1000);
  EXPECT_EQ(reader.number("hostlens.agent.memory.usage", "role=worker"), 2000);
  EXPECT_EQ(reader.number("hostlens.agent.worker.restarts", ""), 1);
  EXPECT_EQ(reader.number("hostlens.agent.targets", ""), 2);
  EXPECT_EQ(reader.number("hostlens.agent.ring.pending", "ring=control"), 3);
  EXPECT_EQ(reader.number("hostlens.agent.ring.pending", "ring=data"), 4);
  EXPECT_EQ(reader.number("hostlens.agent.control_records.lost", ""), 5);
  EXPECT_EQ(reader.number("hostlens.agent.length_only_records", ""), 6);
  EXPECT_EQ(reader.number("hostlens.agent.recursion_misses", ""), 7);
  EXPECT_EQ(reader.number("hostlens.agent.correlation.ambiguous", ""), 8);
  EXPECT_EQ(reader.number("hostlens.agent.correlation.late", ""), 9);
  EXPECT_EQ(reader.number("hostlens.agent.route.overflows", ""), 10);
  EXPECT_EQ(reader.number("hostlens.agent.connections.evicted", ""), 11);
  EXPECT_EQ(reader.number("hostlens.agent.connections.tracked", ""), 12);
  EXPECT_EQ(reader.number("hostlens.build.info", "socket_variant=tracepoint,version=1.2.3"), 1);
  EXPECT_EQ(reader.family("hostlens.records"), nullptr) << "no ledger, no books";
  // What lives in the worker's memory began with this worker.
  EXPECT_EQ(reader.point("hostlens.agent.worker.restarts", "")->start_unix_ns, kSupervisorStart);
  const uint64_t worker_start = reader.point("hostlens.agent.correlation.late", "")->start_unix_ns;
  EXPECT_LE(worker_start, before);
  EXPECT_GT(worker_start, before - 60'000'000'000);
}

}  // namespace
}  // namespace hostlens::aggregators
