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

TEST(SignalStatesTest, ASignalOfPartsIsThereWhenOneIs) {
  const auto states = signal_states(
      {"",
       {{"fsync", "hostlens.fsync.duration, of ext4", "tp_btf/ext4", true, true, "", ""},
        {"file", "hostlens.fsync.duration, of xfs", "fentry/xfs", false, false, "refused", ""},
        {"file", "hostlens.file.io.duration, of xfs", "fentry/xfs", false, false, "refused", ""},
        {"file", "hostlens.file.io.duration", "fentry/read", false, false, "absent", ""}}});
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].name, "hostlens.file.io.duration");
  EXPECT_EQ(states[0].state, "unavailable");
  EXPECT_EQ(states[0].reason, "absent, refused");
  ASSERT_EQ(states[0].parts.size(), 2U);
  EXPECT_EQ(states[0].parts[0].name, "");
  EXPECT_EQ(states[1].name, "hostlens.fsync.duration");
  EXPECT_EQ(states[1].state, "active");
  EXPECT_EQ(states[1].hook, "tp_btf/ext4");
  EXPECT_EQ(states[1].reason, "") << "that of a part stands there";
  ASSERT_EQ(states[1].parts.size(), 2U);
  EXPECT_EQ(states[1].parts[1].name, "of xfs");
  EXPECT_EQ(states[1].parts[1].state, "unavailable");
  EXPECT_EQ(states[1].parts[1].reason, "refused");
}

}  // namespace
}  // namespace hostlens::agent
