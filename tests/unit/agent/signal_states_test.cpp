// SPDX-License-Identifier: Apache-2.0
#include "agent/signal_states.h"

#include <gtest/gtest.h>

namespace hostlens::agent {
namespace {

TEST(SignalStatesTest, OneWayToHookIsEnough) {
  const auto states =
      signal_states({"sys_exit",
                     {{"socket", "sendfile, AF_UNIX", "fexit/tcp_sendmsg", false, false,
                       "the kernel refuses it", ""},
                      {"socket", "sendfile, AF_UNIX", "tp_btf/sys_exit", true, true, "", ""}}});
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].name, "sendfile, AF_UNIX");
  EXPECT_EQ(states[0].state, "active");
  EXPECT_EQ(states[0].hook, "tp_btf/sys_exit");
  EXPECT_EQ(states[0].reason, "");
}

TEST(SignalStatesTest, ASignalOfTwoProbesNeedsBoth) {
  const auto states = signal_states(
      {"",
       {{"process", "hostlens.a, hostlens.b", "tp_btf/fork", true, true, "", ""},
        {"scheduler", "hostlens.b", "tp_btf/switch", false, false, "refused", "be root"}}});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "hostlens.a");
  EXPECT_EQ(states[0].state, "active");
  EXPECT_EQ(states[1].name, "hostlens.b");
  EXPECT_EQ(states[1].state, "unavailable");
  EXPECT_EQ(states[1].hook, "tp_btf/fork, tp_btf/switch");
  EXPECT_EQ(states[1].reason, "refused");
  EXPECT_EQ(states[1].remedy, "be root");
}

TEST(SignalStatesTest, AMetricIsUnavailableWhenNoPartOfItIsThere) {
  kernel::AttachReport report;
  report.hooks = {
      {"fsync", "hostlens.fsync.duration, of ext4", "tp_btf/a", true, true, "", ""},
      {"file", "hostlens.fsync.duration, of xfs", "fentry/b", false, false, "refused", ""},
      {"file", "hostlens.file.io.duration, of ext4", "fentry/c", false, false, "refused", "boot"},
      {"file", "hostlens.file.io.duration, of xfs", "fentry/d", false, false, "missing", "boot"},
  };
  const auto metrics = unavailable_metrics(report);
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_EQ(metrics[0].name, "hostlens.file.io.duration");
  EXPECT_EQ(metrics[0].reason, "refused, missing");
  EXPECT_EQ(metrics[0].remedy, "boot");
}

}  // namespace
}  // namespace hostlens::agent
