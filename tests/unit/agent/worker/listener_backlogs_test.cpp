// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/listener_backlogs.h"

#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

TEST(ListenerBacklogsTest, OfSocketsThatShareAPortTheFullestCountsWithTheDropsOfAll) {
  const auto web = std::make_shared<model::Service>();
  const auto other = std::make_shared<model::Service>();
  const auto listener = [](std::shared_ptr<const model::Service> service, uint16_t port,
                           uint32_t backlog, uint32_t max, uint32_t drops) {
    return model::ListenerState{0, std::move(service), 1, port, backlog, max, drops};
  };
  const auto backlogs =
      listener_backlogs({listener(web, 80, 3, 100, 1), listener(web, 80, 9, 10, 2),
                         listener(web, 80, 20, 1000, 4), listener(web, 81, 1, 0, 0),
                         listener(other, 80, 0, 128, 8), listener(nullptr, 80, 5, 5, 16)});
  ASSERT_EQ(backlogs->size(), 3U);
  for (const health::ListenerBacklog& backlog : *backlogs) {
    if (backlog.service == other) {
      EXPECT_EQ(backlog.drops, 8U);
    } else if (backlog.port == 80) {
      EXPECT_EQ(backlog.backlog, 9U);
      EXPECT_EQ(backlog.max, 10U);
      EXPECT_EQ(backlog.drops, 7U);
    }
  }
}

}  // namespace
}  // namespace hostlens::agent
