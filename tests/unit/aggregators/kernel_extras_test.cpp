// SPDX-License-Identifier: Apache-2.0
#include "aggregators/kernel_extras.h"

#include <gtest/gtest.h>

#include "snapshot_reader.h"

namespace hostlens::aggregators {
namespace {

model::ListenerState listener(std::shared_ptr<const model::Service> service, uint16_t port,
                              uint32_t backlog, uint32_t max) {
  model::ListenerState state;
  state.service = std::move(service);
  state.port = port;
  state.backlog = backlog;
  state.max = max;
  return state;
}

SnapshotReader reader_of(std::vector<model::MetricFamily> families) {
  auto snapshot = std::make_shared<model::MetricSnapshot>();
  snapshot->unix_ns = 2;
  snapshot->families = std::move(families);
  return SnapshotReader(std::move(snapshot));
}

TEST(KernelExtrasTest, SocketsThatShareAPortAreOneQueue) {
  const auto web = process_of("web")->service;
  std::vector<model::MetricFamily> families;
  add_listener_families(families,
                        {listener(web, 80, 3, 128), listener(web, 80, 4, 128),
                         listener(web, 81, 0, 16), listener(nullptr, 80, 1, 1)},
                        10, 1);
  const SnapshotReader reader = reader_of(std::move(families));
  ASSERT_EQ(reader.family("hostlens.listen.queue")->points.size(), 3U);
  const auto& longest = reader.family("hostlens.listen.queue")->points.front();
  EXPECT_EQ(longest.service, web);
  EXPECT_EQ(std::get<int64_t>(longest.value), 7);
  EXPECT_EQ(std::get<int64_t>(reader.family("hostlens.listen.queue.limit")->points.front().value),
            256);
}

TEST(KernelExtrasTest, BeyondTheLimitTheLongestQueuesStay) {
  std::vector<model::ListenerState> many;
  for (uint16_t port = 1; port <= 50; ++port) many.push_back(listener(nullptr, port, port, 100));
  std::vector<model::MetricFamily> families;
  add_listener_families(families, many, 2, 1);
  const SnapshotReader reader = reader_of(std::move(families));
  EXPECT_EQ(reader.points("hostlens.listen.queue"),
            (std::vector<std::string>{"server.port=50", "server.port=49"}));
}

TEST(KernelExtrasTest, NoListenersAreNoFamilies) {
  std::vector<model::MetricFamily> families;
  add_listener_families(families, {}, 10, 1);
  EXPECT_TRUE(families.empty());
}

TEST(KernelExtrasTest, ACostThatIsNotMeasuredIsAbsent) {
  std::vector<model::MetricFamily> families;
  add_system_call_families(families, {2, 2'000'000'000, 500'000'000, 0, 0}, 1);
  const SnapshotReader reader = reader_of(std::move(families));
  EXPECT_EQ(reader.family("hostlens.syscall.burst.cost"), nullptr);
  const auto* watched = reader.point("hostlens.syscall.burst.time", "mode=watched");
  ASSERT_NE(watched, nullptr);
  EXPECT_DOUBLE_EQ(std::get<double>(watched->value), 0.5);
  std::vector<model::MetricFamily> measured;
  add_system_call_families(measured, {2, 2'000'000'000, 0, 1'500'000, 10'000}, 1);
  const SnapshotReader with_cost = reader_of(std::move(measured));
  ASSERT_NE(with_cost.point("hostlens.syscall.burst.cost", ""), nullptr);
  EXPECT_DOUBLE_EQ(std::get<double>(with_cost.point("hostlens.syscall.burst.cost", "")->value),
                   0.0015);
}

}  // namespace
}  // namespace hostlens::aggregators
