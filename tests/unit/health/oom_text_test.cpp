// SPDX-License-Identifier: Apache-2.0
#include "health/oom_text.h"

#include <gtest/gtest.h>

namespace hostlens::health {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(OomTextTest, ACgroupAtItsLimit) {
  model::OomKill kill;
  kill.victim = "redis-server";
  kill.victim_pid = 77;
  kill.asker = "sh";
  kill.asker_pid = 78;
  kill.cgroup = "redis.service";
  kill.limit_bytes = 100 * kMiB;
  kill.used_bytes = 99 * kMiB;
  kill.anonymous_bytes = 90 * kMiB;
  kill.file_bytes = 2 * kMiB;
  EXPECT_EQ(oom_text(kill),
            "redis-server (77) with 92 MiB resident, 90 MiB of it anonymous; cgroup redis.service "
            "used 99 MiB of 100 MiB; sh (78) asked for memory");
}

TEST(OomTextTest, TheHostItselfWasFull) {
  model::OomKill kill;
  kill.victim = "java";
  kill.victim_pid = kill.asker_pid = 5;
  kill.anonymous_bytes = 3 * kMiB;
  EXPECT_EQ(
      oom_text(kill),
      "java (5) with 3 MiB resident, 3 MiB of it anonymous; no cgroup was full, the host was");
}

TEST(OomTextTest, AKernelThatTellsTheNumberOnly) {
  model::OomKill kill;
  kill.victim_pid = 5;
  kill.asker = "cc1plus";
  kill.asker_pid = 6;
  EXPECT_EQ(oom_text(kill), "process 5; cc1plus (6) asked for memory");
}

TEST(OomTextTest, NamesAreOneLineOfValidText) {
  model::OomKill kill;
  kill.victim = "a\n\x1b[31m\xff";
  kill.victim_pid = 1;
  kill.limit_bytes = kMiB;
  kill.cgroup = "\xc3";
  EXPECT_EQ(oom_text(kill), "a??[31m\xEF\xBF\xBD (1); cgroup \xEF\xBF\xBD used 0 B of 1 MiB");
}

}  // namespace
}  // namespace hostlens::health
